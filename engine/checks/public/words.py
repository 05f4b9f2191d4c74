"""The words of a win in a text, told from the same words where they claim nothing.

Read as a person reads: letters that look alike are one letter, marks of no width are not there.
What stands in code or is quoted from somebody is not ours; what is denied, asked or intended is no
claim. English, as public copy here is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_UNIT = r"(?:\s*(?:%|percent(?:age)?|pp|pts?|points?)){0,2}"
_PHRASES: dict[str, str] = {
    "beat": r"\b(?:beats?|beating|beaten)\b(?!\s+by\b)",
    "better than": r"\bbetter\b(?:\s+[\w'-]+){0,5}?\s+than\b",
    "better": r"\b(?:is|are|was|were|does|do|performs?|scores?|works?|proves?)\s+"
    r"(?:\w+ly\s+|much\s+|far\s+|even\s+|still\s+)*better\b",
    "outperform": r"\bout[- ]?(?:perform|scor|class|do)(?:s|es|ed|ing)?\b",
    "win": r"\b(?:wins?|won|winning)\b\s+(?:on|at|against|over|by|in|every|all|with|vs)\b"
    r"|\b(?:clear|big|real|decisive|easy|large)\s+wins?\b|\bthe\s+winner\b"
    r"|\b(?:is|was|as)\s+(?:a|the|our|another)\s+win\b",
    "lose": r"\b(?:loses?|lost|losing)\s+to\b"
    r"|\b(?<!it )(?<!we )(?<!this )(?:is|are|was|were|gets?|got)\s+beaten\s+by\b",
    "lead": r"\bleads?\s+(?:the\s+)?(?:field|table|leaderboard|pack|ranking|class|all|every)\b"
    r"|\bleading\s+(?:model|system|specialist|score|result|edge)s?\b",
    "improve on": r"\bimprov(?:es?|ed|ing|ements?)\s+(?:on|over|upon)\b(?!\s+time)",
    "strongest": r"\b(?:strongest|smartest|most\s+(?:accurate|capable|reliable|powerful)"
    r"|highest[- ](?:scor(?:e|ing)|accuracy))\b",
    "superior": r"\bsuperior(?:ity)?\b",
    "state of the art": r"\bstate[- ]of[- ]the[- ]art\b|\bsota\b",
    "best": r"\bbest\b",
    "surpass": r"\bsurpass(?:es|ed|ing)?\b",
    "ahead of": r"\bahead\s+of\b",
    "exceed": r"\bexceed(?:s|ed|ing)?\b",
    "top": r"\btops\b|\btopped\b|\btopping\b",
    "crush": r"\b(?:crush|trounc|smash|dominat|defeat|destroy|demolish|leapfrog|eclips)"
    r"(?:e?s|ed|ing|es)?\b|\bedg(?:es?|ed|ing)\s+out\b",
    "more than": r"\b(?:stronger|smarter|faster|more\s+accurate|more\s+capable|more\s+reliable)"
    r"\s+than\b|\b(?:twice|thrice|\w+\s+times|\d+\s?x)\s+as\s+(?:good|accurate|reliable|strong|capable"
    r"|fast|smart)\s+as\b",
    "unmatched": r"\b(?:unmatched|unrivall?ed|unbeaten|unbeatable|world[- ]class|cutting[- ]edge"
    r"|record[- ]breaking|second\s+to\s+none|number\s+one|first\s+place|no\.\s?1"
    r"|no\s+other\s+(?:[\w-]+\s+)?(?:model|system|specialist)s?)\b|(?<!\w)#\s?1\b",
    "over": rf"[+\uFF0B]\s?\d+(?:[.,]\d+)?{_UNIT}\s+(?:over|above|against|versus|vs\.?)(?!\w)"
    rf"|\b\d+(?:[.,]\d+)?\s*(?:%|percent(?:age)?|pp|pts?|points?){_UNIT}\s+"
    r"(?:over|above|higher|more|better|ahead)\b",
}
_WIN = {kind: re.compile(text, re.I) for kind, text in _PHRASES.items()}
LOSS = "lose"
"""The kind of "loses to", which is the other's win."""

NUMBER = "over"
"""The kind of "+4.7 points over": a difference, which may stand where its noise is said beside it.
"""

_PLAIN: dict[str, re.Pattern[str]] = {
    "best": re.compile(
        r"second[- ]best\b|(?:current|at|its|their|our|your|one's|candidate-current)[- ]+best\b"
        r"|\bbest[- ](?:measured|so[- ]far|seen|read|used|kept|left|guess|case|effort|practices?"
        r"|of\s+both\s+worlds|static|checkpoints?|epoch|step|seed|before|known\s+way|served|treated|suited|for\s+now)"
        r"\b|\b(?:works?|runs?|reads?|looks?)\s+best\s+(?:with|when|in|at|on|for)\b|\bbest\s+(?:run|try|attempt|candidate|adapter|iteration)\b(?!\s+(?:of|in|on|at|for)\b)",
        re.I,
    ),
    "better": re.compile(r"\b(?:is|are|was|were)\s+(?:[a-z]+\s+)?better\s+to\s", re.I),
    "ahead of": re.compile(r"ahead\s+of\s+(?:time|schedule|release|publication|training)", re.I),
    "exceed": re.compile(
        r"exceed\w*\s+(?:(?:the|its|a|an|this|that|our|any)\s+)?(?:[\w-]+\s+)?"
        r"(?:\d|limit|bound|budget|memory|length|gate|threshold|context|time|size|maximum)",
        re.I,
    ),
    "top": re.compile(r"tops?\s+(?:up|out|off)\b", re.I),
    "win": re.compile(r"win\s+(?:rate|or\s+loss)", re.I),
    "beat": re.compile(r"beat\s+(?:frequency|tracking)", re.I),
}
_DENIED = re.compile(
    r"\b(?:not|never|no|cannot|neither|nor|without|nobody|nothing|none|hardly|nowhere|rather\s+than"
    r"|instead\s+of)\b|n['\u2019]t\b",
    re.I,
)
_STILL_CLAIMED = re.compile(
    r"\b(?:not|no|nothing|never)\s+(?:only|just|merely|simply|doubt|question|wonder|less\s+than"
    r"|once\s+fail(?:s|ed)?)\b|\bwithout\s+(?:a\s+)?(?:doubt|question|fail)\b"
    r"|\b(?:go(?:es|ing)?|went)\s+on\s+to\b|\b(?:manage|proceed)(?:s|d|ed)?\s+to\b",
    re.I,
)
_OPEN = re.compile(
    r"\b(?:if|whether|until|unless|before)\s+(?:[\w-]+\s+){0,4}$"
    r"|\b(?:should|must|would|could|might|may|to)\s+(?:\w+\s+)?$",
    re.I,
)
_DENIED_AFTER = re.compile(
    r"[^,;:()]{0,80}?\b(?:can\s?not|can['\u2019]t|may\s+not|must\s+not|is\s+not|isn['\u2019]t|was\s+not)"
    r"\s+(?:yet\s+)?(?:be\s+)?(?:claimed|shown|said|told|proven|proved|established|concluded|supported)\b",
    re.I,
)
_CLAUSE = re.compile(r"[,;:()]|\s[-\u2013\u2014]\s|\b(?:but|yet|while|although|though|and\s+it)\b")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(\u201C]?[A-Z0-9+])|\n\s*\n")
_CODE = re.compile(r"`[^`\n]*`")
_QUOTE = re.compile('"[^"\n]*"|\u201c[^\u201d\n]*\u201d|\u00ab[^\u00bb\n]*\u00bb')
_NOISE = re.compile(
    r"within\s+(?:the\s+|its\s+)?noise|not\s+(?:statistically\s+)?significant|cannot\s+be\s+told"
    r"|no\s+difference\s+(?:can\s+be|is)\s+|not\s+told\s+from\s+chance|may\s+be\s+chance"
    r"|inside\s+(?:of\s+)?the\s+noise|could\s+be\s+chance",
    re.I,
)
_LOOKS_LIKE = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0455\u0412\u0415\u0410\u0422\u041d\u0421"
    "\u041e\u0420\u03bf\u03b1\u0392\u0395\u0391\u03a4\u2010\u2011\u2012\u2212",
    "aeopcxyisBEATHCOPoaBEAT----",
)


@dataclass(frozen=True, slots=True)
class Win:
    """A word of a win: ``kind`` of it, ``words`` as they are read, in which ``sentence``, and how
    many characters of the sentence stand ``before`` it."""

    kind: str
    words: str
    sentence: str
    before: int

    @property
    def is_number(self) -> bool:
        return self.kind == NUMBER


def wins(text: str) -> Iterator[Win]:
    """The claims of a win in a text, at most one of each kind and sentence."""
    for sentence in sentences(text):
        seen: list[tuple[int, int]] = []
        for kind, pattern in _WIN.items():
            for match in pattern.finditer(sentence):
                inside = any(start < match.end() and match.start() < end for start, end in seen)
                if inside or _claims_nothing(kind, sentence, match):
                    continue
                seen.append(match.span())
                yield Win(kind, " ".join(match[0].split()), sentence, match.start())
                break


def sentences(text: str) -> list[str]:
    """The sentences of a text as they are read, without code and without what is quoted."""
    plain = unicodedata.normalize("NFKC", text).translate(_LOOKS_LIKE)
    plain = "".join(one for one in plain if unicodedata.category(one) != "Cf")
    plain = _QUOTE.sub(_without_quote, _CODE.sub(" ", plain))
    return [" ".join(one.split()) for one in _SENTENCE.split(plain) if one.strip()]


def says_noise(text: str) -> bool:
    """Whether a text says that a difference is not told from chance."""
    return _NOISE.search(" ".join(text.split())) is not None


def _without_quote(match: re.Match[str]) -> str:
    """A passage that is quoted is somebody's; one or two words in quotes are only stressed."""
    return " " if len(match[0].split()) > 2 else match[0][1:-1]


def _claims_nothing(kind: str, sentence: str, match: re.Match[str]) -> bool:
    plain = _PLAIN.get(kind)
    if plain is not None and any(
        one.start() <= match.start() < one.end() for one in plain.finditer(sentence)
    ):
        return True
    if _DENIED_AFTER.match(sentence, match.end()):
        return True
    before = sentence[: match.start()]
    clause = _CLAUSE.split(before)[-1]
    clause = _STILL_CLAIMED.sub(" ", clause)
    return _DENIED.search(clause) is not None or _OPEN.search(clause) is not None
