"""The words that generated tasks are about."""

from __future__ import annotations


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# None of these words is of two kinds: orange, gold and lead are left out.
KINDS: dict[str, tuple[str, ...]] = {
    "animal": _split(
        "cat dog horse cow pig goat sheep lion tiger bear wolf fox rabbit mouse rat frog snake "
        "eagle owl duck goose hen crow shark whale crab ant bee spider camel monkey zebra"
    ),
    "fruit": _split(
        "apple pear cherry grape lemon mango melon banana fig apricot papaya kiwi pineapple "
        "raspberry strawberry blueberry"
    ),
    "colour": _split("red blue green yellow black white brown purple pink grey violet scarlet"),
    "tool": _split("hammer saw drill wrench chisel axe shovel rake ladder needle scissors pliers"),
    "body part": _split("arm leg hand head neck knee elbow finger thumb shoulder ankle chin"),
    "vehicle": _split("car bus train truck boat ship plane bicycle tram ferry van rocket"),
    "metal": _split("iron tin zinc nickel steel platinum titanium aluminium mercury chrome"),
    "country": _split(
        "France Spain Italy Greece Norway Sweden Poland Japan China India Kenya Egypt Brazil Chile "
        "Peru Canada Mexico Cuba"
    ),
    "drink": _split("water milk tea coffee juice wine beer cider lemonade cocoa"),
    "number word": _split("one two three four five six seven eight nine ten"),
}
PLAIN = _split(
    "house river stone window garden market forest bridge letter paper table chair bottle mirror "
    "candle basket blanket pillow button pocket ribbon carpet curtain hammer kitchen cellar attic "
    "village castle temple harbour island mountain valley desert meadow field road street corner "
    "winter summer spring autumn morning evening night cloud storm thunder rain snow wind sun moon "
    "star planet ocean wave sand shell rock cave path gate fence wall roof door floor stair bell "
    "clock watch lamp mat bag box cup plate spoon fork knife bowl pan pot oven stove bread butter "
    "cheese honey sugar salt pepper soup rice bean onion carrot potato tomato garlic "
    "doctor teacher farmer baker sailor soldier singer dancer painter writer driver judge king "
    "queen prince child friend uncle sister brother mother father cousin neighbour guest "
    "music song dance story poem novel picture colour number answer question lesson school "
    "travel ticket station engine wheel wagon harvest flower leaf branch root seed grass tree "
    "dream secret promise reason chance danger battle victory peace journey memory shadow "
    "quick slow happy sad bright dark warm cold soft hard loud quiet early late near far "
    "small large young old empty full clean dirty sweet bitter strong weak brave gentle "
    "walk run jump swim climb carry build break open close push pull throw catch read write "
    "speak listen watch learn teach cook wash sleep laugh cry sing fly grow plant"
)
WORDS = tuple(sorted({*PLAIN, *(w for kind in KINDS.values() for w in kind if w.islower())}))
NAMES = _split(
    "Anna Ben Clara David Emma Felix Grace Henry Iris Jack Kate Leo Maria Noah Olga Paul Rosa Sam "
    "Tina Victor Wendy Yusuf Zoe Amir Bella Carlos Dina Erik Fatima Hugo"
)
OPPOSITES = (
    "hot:cold big:small fast:slow happy:sad light:dark old:young full:empty clean:dirty hard:soft "
    "loud:quiet early:late near:far strong:weak rich:poor wet:dry thick:thin wide:narrow high:low "
    "open:closed true:false up:down left:right first:last day:night good:bad long:short heavy:light "
    "sweet:bitter deep:shallow sharp:blunt rough:smooth brave:cowardly win:lose push:pull "
    "buy:sell give:take start:stop love:hate remember:forget"
)
PLURALS = (
    "child:children mouse:mice foot:feet tooth:teeth goose:geese man:men woman:women leaf:leaves "
    "knife:knives wolf:wolves box:boxes bus:buses glass:glasses dish:dishes church:churches "
    "city:cities baby:babies story:stories berry:berries hero:heroes potato:potatoes cat:cats "
    "dog:dogs house:houses river:rivers garden:gardens window:windows lamp:lamps spoon:spoons "
    "letter:letters teacher:teachers day:days key:keys boy:boys shelf:shelves loaf:loaves "
    "brush:brushes watch:watches fox:foxes lady:ladies country:countries sheep:sheep fish:fish"
)
PAST = (
    "go:went see:saw take:took give:gave come:came run:ran eat:ate drink:drank sing:sang swim:swam "
    "write:wrote read:read speak:spoke break:broke drive:drove fly:flew grow:grew know:knew "
    "throw:threw buy:bought bring:brought think:thought catch:caught teach:taught find:found "
    "keep:kept sleep:slept feel:felt leave:left walk:walked jump:jumped climb:climbed carry:carried "
    "study:studied stop:stopped plan:planned play:played cook:cooked open:opened"
)
NUMERALS = _split(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
TENS = _split("twenty thirty forty fifty sixty seventy eighty ninety")
WEEKDAYS = _split("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _split(
    "January February March April May June July August September October November December"
)
VOWELS = "aeiou"
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def pairs(text: str) -> list[tuple[str, str]]:
    """`a:b c:d` as [(a, b), (c, d)]."""
    return [(left, right) for left, _, right in (item.partition(":") for item in text.split())]


def in_words(number: int) -> str:
    """0..999 as English words: 342 is three hundred and forty-two."""
    if number < 20:
        return NUMERALS[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return TENS[tens - 2] + (f"-{NUMERALS[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{NUMERALS[hundreds]} hundred" + (f" and {in_words(rest)}" if rest else "")


def roman(number: int) -> str:
    """1..3999 as a Roman numeral."""
    steps = "M:1000 CM:900 D:500 CD:400 C:100 XC:90 L:50 XL:40 X:10 IX:9 V:5 IV:4 I:1"
    result = ""
    for sign, value in pairs(steps):
        times, number = divmod(number, int(value))
        result += sign * times
    return result
