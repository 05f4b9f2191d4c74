"""The log without a screen: lines and colours, rows of any file, filter and search over them."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.supervise.train_log import INDEX, LOG, TrainLog
from tui.log import index as log_index
from tui.log.file import LogFile
from tui.log.find import PatternError, Scan, Wanted, compile_pattern
from tui.log.index import BLOCK, LogIndex
from tui.log.line import MAX_BYTES, MAX_LINE, clean, parse
from tui.log.reader import LogReader
from tui.log.spans import Spans


def nothing() -> None:
    return None


def read_whole(run: Path) -> LogReader:
    """A reader that has read all there is, without its thread."""
    reader = LogReader(run, nothing)
    take_in(reader)
    return reader


def take_in(reader: LogReader) -> None:
    while reader.look():
        pass


def texts(reader: LogReader) -> list[str]:
    return [clean(raw) for _, raw, _ in reader.rows(0, reader.total)]


# --- one line ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[1;31mloss\x1b[0m 0.5", "loss 0.5"),
        (b"10%\r20%\r30%", "30%"),
        (b"done\r", "done"),
        (b"\x1b]0;title\x07text", "text"),
        (b"[bold]not markup[/]", "[bold]not markup[/]"),
        (b"bell\x07", "bell␇"),
        (b"\xff\xfe", "��"),
        ("\u202eright to left".encode(), "�right to left"),
    ],
)
def test_log_lines_are_harmless(raw: bytes, shown: str) -> None:
    assert clean(raw) == shown


@pytest.mark.parametrize(
    "raw",
    [
        b"\x1b]52;c;ZXZpbA==\x07safe",
        b"\x1b]8;;http://evil\x1b\\safe\x1b]8;;\x1b\\",
        b"\x1b[2J\x1b[10;10Hsafe",
        b"\x1bPq#0;2;0;0;0\x1b\\safe",
        b"\x1b]0;title\x07safe",
        b"\x1b[?1049h\x1b[6nsafe",
        b"\x1b[38;5;196m\x1b[1msafe\x1b[0m",
    ],
)
def test_codes_that_a_terminal_would_act_upon_are_taken_out(raw: bytes) -> None:
    assert clean(raw) == "safe"
    assert parse(raw).text == "safe"


def test_colours_become_styles_and_nothing_else() -> None:
    line = parse(b"a\x1b[31mred\x1b[1;48;5;17mboth\x1b[0m \x1b[38;2;1;2;3mtrue\x1b[39m end")
    assert line.text == "aredboth true end"
    looks = [(line.text[a:b], style) for a, b, style in line.runs]
    assert [text for text, _ in looks] == ["red", "both", "true"]
    red, both, true = (style for _, style in looks)
    assert red.color is not None and red.color.number == 1 and not red.bold
    assert both.bold and both.bgcolor is not None and both.bgcolor.number == 17
    assert true.color is not None and true.color.triplet == (1, 2, 3)


@pytest.mark.parametrize(
    "codes",
    ["", "0", "38", "38;5", "38;5;999", "38;2;1", "9999", "1;;;2", "48:5:3", "5;8", "1" * 99],
)
def test_odd_colours_are_harmless(codes: str) -> None:
    assert parse(b"\x1b[" + codes.encode() + b"mx").text == "x"


def test_a_progress_bar_is_its_last_state() -> None:
    bar = b"".join(b"\r%3d%%|" % n for n in range(101))
    assert clean(bar) == "100%|"
    assert clean(bar + b"\r") == "100%|"
    assert clean(bar * 10_000) == "100%|", "also where it is longer than what is looked at"
    assert parse(b"\x1b[32m 10%\r\x1b[31m 20%\x1b[0m\x1b[K").text == " 20%"


def test_letters_of_all_scripts_stay_what_they_are() -> None:
    for text in ("świeży śm", "損失 0.5", "потери", "🚀 e\u0301"):
        assert clean(text.encode()) == text
        assert parse(text.encode()).text == text


def test_a_long_line_is_cut() -> None:
    assert len(parse(b"x" * 10 * MAX_BYTES).text) == MAX_LINE + 1
    assert len(parse(b"\x1b[1mx\x1b[0m" * MAX_BYTES).text) <= MAX_LINE + 1


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_raise_and_none_leave_a_control_code(raw: bytes) -> None:
    raw = raw.replace(b"\n", b"")
    for text in (clean(raw), parse(raw).text):
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in text)
    line = parse(raw)
    assert all(0 <= a < b <= len(line.text) for a, b, _ in line.runs)


# --- rows of a file ---------------------------------------------------------------


def reference(data: bytes, boundaries: list[int]) -> list[tuple[int, bytes]]:
    """Where rows begin and what is in them, the simple way."""
    starts = {0} | {i + 1 for i, byte in enumerate(data) if byte == 10}
    starts |= {b for b in boundaries if b > 0}
    order = sorted(start for start in starts if start < len(data))
    ends = [*order[1:], len(data)] if order else []
    return [(a, data[a:b].rstrip(b"\n")) for a, b in zip(order, ends, strict=True)]


@settings(deadline=None, max_examples=60)
@given(
    pieces=st.lists(
        st.tuples(
            st.sampled_from(["stdout", "stderr"]),
            st.sampled_from([b"\n", b"a", b"bb\n", b"cc\ndd\n", b"x" * 21, b"\n\n\n", b"e\rf\n"]),
        ),
        max_size=40,
    ),
    looks=st.sets(st.integers(0, 40)),
    step=st.integers(1, 3),
)
def test_rows_are_those_of_the_file_however_it_grew(
    tmp_path_factory: pytest.TempPathFactory,
    pieces: list[tuple[str, bytes]],
    looks: set[int],
    step: int,
) -> None:
    run = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_index, "BLOCK", 16)
        patch.setattr("tui.log.find.BLOCK", 16)
        log = TrainLog(run)
        reader = LogReader(run, nothing)
        boundaries, last, data = [], None, b""
        reader.want(Wanted(stream="stderr"))
        for number, (stream, piece) in enumerate(pieces):
            if stream != last:
                boundaries.append(len(data))
                last = stream
            log.write("train", stream, piece)  # type: ignore[arg-type]
            data += piece
            if number in looks:
                take_in(reader)
        log.close()
        for _ in range(step):
            take_in(reader)
        wanted = reference(data, boundaries)
        index = reader.index
        found = [index.start_of(n) for n in range(index.counts.total)]
        assert found == [start for start, _ in wanted]
        assert [index.number_of(start) for start in found] == list(range(len(found)))
        assert [index.raw(start, 100) for start in found] == [raw for _, raw in wanted]
        of_stderr = [s for s, _ in wanted if reader.spans.kind_at(s)[1] == "stderr"]
        assert [start for start, _, _ in reader.rows(0, 1_000)] == of_stderr
        assert reader.total == len(of_stderr)
        reader.file.close()


def test_a_large_log_is_there_at_its_end_at_once_and_whole_soon(tmp_path: Path) -> None:
    with (tmp_path / LOG).open("w") as file:
        file.writelines(f"line {number}\n" for number in range(1_000_000))
    reader = LogReader(tmp_path, nothing)
    reader.look()
    assert clean(reader.rows(reader.total - 1, 1)[0][1]) == "line 999999"
    take_in(reader)
    assert reader.total == 1_000_000
    assert [clean(raw) for _, raw, _ in reader.rows(499_999, 2)] == ["line 499999", "line 500000"]
    held = sum(len(starts) for starts in reader.index._cache.values())
    assert held < 400_000, "counts are kept, not rows"


def test_one_line_of_a_hundred_megabytes(tmp_path: Path) -> None:
    with (tmp_path / LOG).open("wb") as file:
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b"\nlast\n")
    reader = read_whole(tmp_path)
    assert reader.total == 2
    assert len(reader.rows(0, 1)[0][1]) <= MAX_BYTES + 1
    reader.search(compile_pattern("last"))
    take_in(reader)
    assert reader.found is not None and reader.found.counts.total == 1


def test_a_progress_bar_longer_than_a_block_is_found_by_its_last_state(tmp_path: Path) -> None:
    bar = b"".join(b"\r%6d of 100000" % n for n in range(100_001))
    (tmp_path / LOG).write_bytes(b"first\n" + bar + b"\nlast\n")
    reader = read_whole(tmp_path)
    assert texts(reader) == ["first", "100000 of 100000", "last"]
    reader.search(compile_pattern("100000 of"))
    take_in(reader)
    assert reader.found is not None and reader.found.counts.total == 1


def test_a_log_that_grows_is_cut_off_replaced_removed_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / LOG
    reader = read_whole(tmp_path)
    assert (reader.total, reader.file.trouble) == (0, "")
    path.write_bytes(b"one\ntw")
    take_in(reader)
    assert texts(reader) == ["one", "tw"]
    with path.open("ab") as file:
        file.write(b"o\n")
    take_in(reader)
    assert texts(reader) == ["one", "two"]
    before = reader.generation
    path.write_bytes(b"cut\n")
    take_in(reader)
    assert texts(reader) == ["cut"] and reader.generation > before
    other = tmp_path / "other"
    other.write_bytes(b"cut\nreplaced\n")
    other.rename(path)
    take_in(reader)
    assert texts(reader) == ["cut", "replaced"]
    path.write_bytes(b"another of a greater length\n")
    take_in(reader)
    assert texts(reader) == ["another of a greater length"]
    path.unlink()
    take_in(reader)
    assert reader.total == 0
    path.mkdir()
    take_in(reader)
    assert "no ordinary file" in reader.file.trouble
    path.rmdir()
    os.mkfifo(path)
    take_in(reader)
    assert "no ordinary file" in reader.file.trouble, "a pipe does not hold us up"


def test_a_log_that_is_cut_off_between_two_looks_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / LOG
    path.write_text("".join(f"line {number} loss\n" for number in range(40_000)))
    reader = read_whole(tmp_path)
    reader.want(Wanted(patterns=(compile_pattern("loss"),)))
    reader.search(compile_pattern("line 3"))
    for _ in range(3):
        assert reader.filtered is not None and reader.found is not None
        reader.filtered.step()
        reader.found.step()
    for size in (300_000, 70_000, 5, 0):
        os.truncate(path, size)
        for scan in (reader.index, reader.filtered, reader.found):
            assert scan is not None
            scan._cache.clear()
            for number in range(0, scan.counts.total, 997):
                scan.number_of(scan.start_of(number))
                reader.index.raw(scan.start_of(number), 100)
            scan.step()
        reader.rows(0, 50)
    take_in(reader)
    assert reader.total == 0


def test_binary_and_broken_text_are_shown_as_they_are(tmp_path: Path) -> None:
    rng = random.Random(0)
    (tmp_path / LOG).write_bytes(bytes(rng.randrange(256) for _ in range(300_000)))
    reader = read_whole(tmp_path)
    assert reader.total > 1_000
    for _, raw, _ in reader.rows(0, 500):
        parse(raw)


@pytest.mark.parametrize(
    "line",
    [
        *("no json", "{}", '{"offset": "x", "stage": "a", "stream": "stderr"}', "[1]", "null"),
        *('{"offset": -5, "stage": "a", "stream": "stderr"}', "{" * 5000),
        *('{"offset": 1e99, "stage": "a", "stream": "stderr"}', '{"offset": 3, "stage": 7, "s'),
    ],
)
def test_a_damaged_index_costs_only_its_lines(tmp_path: Path, line: str) -> None:
    (tmp_path / LOG).write_bytes(b"one\ntwo\n")
    good = {"offset": 4, "stage": "train", "stream": "stderr"}
    (tmp_path / INDEX).write_text(f"{line}\n{json.dumps(good)}\n")
    reader = read_whole(tmp_path)
    assert texts(reader) == ["one", "two"]
    assert reader.spans.kind_at(0) == ("", "") and reader.spans.kind_at(4) == ("train", "stderr")


# --- search and filter ------------------------------------------------------------


def test_case_counts_only_with_capitals_and_what_is_no_expression_is_text() -> None:
    assert compile_pattern("nan").wants("loss is NaN")
    assert not compile_pattern("NaN").wants("loss is nan")
    assert compile_pattern(r"\Dx").wants("aX"), "a class is no capital"
    assert compile_pattern("loss (").wants("LOSS (x") and compile_pattern("loss (").literal
    assert compile_pattern("!nan", filtering=True).wants("loss 1")
    assert not compile_pattern("!nan", filtering=True).wants("nan")
    assert compile_pattern("!nan").wants("a !nan"), "in a search it is a character like others"


@pytest.mark.parametrize(
    "given",
    [
        "(a+)+$", "(a*)*b", "(a|a+)+", "(.*)+x", ".*a.*b.*c.*d", r"(a+)\1+", "(a|aa)+$",
        "(a{1,16}){1,16}b", "a?" * 30 + "a" * 30,
    ],
)  # fmt: skip
def test_an_expression_that_may_search_for_ever_is_refused_in_words(given: str) -> None:
    with pytest.raises(PatternError, match="can search for ever"):
        compile_pattern(given)


@pytest.mark.parametrize("given", ["a.*b", "a.*b.*c", r"\w+ \w+ x", r"(a{1,3}){3}x", "(a?){7}x"])
def test_an_expression_takes_a_bounded_time_on_the_worst_of_lines(given: str) -> None:
    pattern = compile_pattern(given)
    began = time.process_time()
    assert not pattern.wants("a" * MAX_LINE)
    assert pattern.marks("a" * MAX_LINE) == []
    assert time.process_time() - began < 10


def test_marks_are_where_it_matches() -> None:
    assert compile_pattern("o").marks("foo") == [(1, 2), (2, 3)]
    assert compile_pattern("x*").marks("axxb") == [(1, 3)]


LINES = st.sampled_from(
    [
        b"loss 1.5",
        b"Loss nan",
        b"\x1b[31mloss\x1b[0m 2",
        b"a\rloss 3",
        b"",
        b"tab\tloss",
        "żółć".encode(),
    ]
)


@settings(deadline=None, max_examples=60)
@given(
    lines=st.lists(LINES, max_size=60),
    pattern=st.sampled_from(
        ["loss", "Loss", "loss$", r"loss \d", "!loss", "ż", "^$", "nan|3", r"\s\d"]
    ),
    late=st.integers(0, 60),
)
def test_a_scan_finds_what_looking_at_each_line_finds(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], pattern: str, late: int
) -> None:
    run = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_index, "BLOCK", 32)
        patch.setattr("tui.log.find.BLOCK", 32)
        early = b"".join(line + b"\n" for line in lines[:late])
        (run / LOG).write_bytes(early)
        reader = LogReader(run, nothing)
        take_in(reader)
        compiled = compile_pattern(pattern, filtering=True)
        reader.want(Wanted(patterns=(compiled,)))
        take_in(reader)
        with (run / LOG).open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines[late:]))
        take_in(reader)
        expected = [clean(line) for line in lines if compiled.wants(clean(line))]
        assert texts(reader) == expected
        assert reader.total == len(expected)
        reader.file.close()


def test_search_within_a_filter_counts_what_is_shown(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("".join(f"step {n} loss {n % 3}\n" for n in range(3_000)))
    reader = read_whole(tmp_path)
    reader.want(Wanted(patterns=(compile_pattern("loss 1"),)))
    reader.search(compile_pattern("step 1[0-9]* "))
    take_in(reader)
    assert reader.total == 1_000
    assert reader.found is not None
    shown = [text for text in texts(reader) if text.startswith("step 1")]
    assert reader.found.counts.total == len(shown)


def test_a_search_that_is_broken_off_keeps_what_it_found_and_goes_on_with_what_comes(
    tmp_path: Path,
) -> None:
    path = tmp_path / LOG
    path.write_bytes(b"needle " * 8 + b"\n" + b"hay\n" * (BLOCK // 2) + b"needle\n")
    file = LogFile(path)
    file.look()
    index = LogIndex(file, Spans(LogFile(tmp_path / INDEX)))
    while index.step():
        pass
    scan = Scan(index, Wanted(patterns=(compile_pattern("needle"),)))
    scan.step()
    assert (scan.counts.total, scan.busy) == (1, True)
    scan.stopped = True
    scan.step()
    assert (scan.counts.total, scan.busy) == (1, False)
    with path.open("ab") as more:
        more.write(b"needle\n")
    file.look()
    index.step()
    scan.step()
    assert scan.counts.total == 2


def test_streams_and_stages_apart(tmp_path: Path) -> None:
    log = TrainLog(tmp_path)
    log.write("data", "stdout", b"rows\n")
    log.write("train", "stdout", b"step 1\n")
    log.write("train", "stderr", b" 10%|")
    log.write("train", "stdout", b"step 2\n")
    log.write("train", "stderr", b"\r 20%|\n")
    log.close()
    reader = read_whole(tmp_path)
    assert texts(reader) == ["rows", "step 1", " 10%|", "step 2", " 20%|"]
    assert reader.spans.stages == ["data", "train"]
    reader.want(Wanted(stream="stdout", stage="train"))
    take_in(reader)
    assert texts(reader) == ["step 1", "step 2"]
    reader.want(Wanted(stream="stderr"))
    take_in(reader)
    assert texts(reader) == [" 10%|", " 20%|"]


def test_the_line_of_a_place_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / LOG).write_bytes(b"one\ntwo\nthree\n")
    reader = read_whole(tmp_path)
    assert [reader.line_number(start) for start, _, _ in reader.rows(0, 9)] == [1, 2, 3]
