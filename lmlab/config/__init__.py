"""Reading and checking configuration, before anything heavy is imported."""
