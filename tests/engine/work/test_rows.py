from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.work.encoding import encode_row, encode_together
from engine.work.rows import BATCH, TokenRows, read_rows, tokenise
from engine.work.runtime import Refusal
from tests.engine.work.tiny import chat_rows, write_rows


@pytest.fixture(scope="module")
def tokenizer(model_dir: Path) -> Any:
    from mlx_lm.utils import load_tokenizer

    return load_tokenizer(model_dir)


def use(path: Path, tokenizer: Any, *, mask: bool = True, longest: int = 512) -> TokenRows:
    return tokenise(path, path.name, tokenizer, mask_prompt=mask, max_seq_len=longest)


def test_tokens_and_offsets_are_mlx_lms(tmp_path: Path, tokenizer: Any) -> None:
    from mlx_lm.tuner.datasets import ChatDataset, CompletionsDataset, TextDataset

    chats = chat_rows(5, 10, 40)
    completions = [{"prompt": " alpha bravo", "completion": " cargo"}]
    texts = [{"text": " delta ember"}]
    path = write_rows(tmp_path / "rows.jsonl", chats + completions + texts)
    rows = use(path, tokenizer)
    expected = [ChatDataset(chats, tokenizer, mask_prompt=True).process(row) for row in chats]
    expected += [
        CompletionsDataset(completions, tokenizer, "prompt", "completion", True).process(row)
        for row in completions
    ]
    expected += [TextDataset(texts, tokenizer).process(row) for row in texts]
    got = [(row.tolist(), start) for row, start in zip(rows.tokens, rows.starts, strict=True)]
    assert got == [(list(tokens), start) for tokens, start in expected]
    assert use(path, tokenizer, mask=False).starts == [0] * 7


def test_chat_rows_have_the_length_that_was_asked_for(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "rows.jsonl", chat_rows(20, 32, 32))
    assert set(use(path, tokenizer).lengths.tolist()) == {32}


def test_long_rows_are_cut_and_rows_without_an_answer_left_out(
    tmp_path: Path, tokenizer: Any
) -> None:
    path = write_rows(tmp_path / "rows.jsonl", chat_rows(3, 20, 20) + chat_rows(2, 50, 50))
    rows = use(path, tokenizer, longest=20)
    assert len(rows) == 3
    assert rows.dropped == 2
    assert rows.notes(20) == [
        "2 of 5 rows of rows.jsonl are longer than max_seq_len (20 tokens; the longest has 50) "
        "and were cut.",
        "2 rows of rows.jsonl were left out: nothing of the answer lies within the first 20 "
        "tokens.",
    ]
    whole = use(path, tokenizer, mask=False, longest=20)
    assert len(whole) == 5
    assert whole.lengths.max() == 20


def test_nothing_left_is_a_sentence(tmp_path: Path, tokenizer: Any) -> None:
    path = write_rows(tmp_path / "rows.jsonl", chat_rows(2, 50, 50))
    with pytest.raises(Refusal, match="none of its 2 rows has an answer within 10 tokens"):
        use(path, tokenizer, longest=10)
    path.write_text("\n\n")
    with pytest.raises(Refusal, match=r"rows.jsonl cannot be used: it has no rows"):
        use(path, tokenizer)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"messages": [', "is not JSON"),
        ("[1]", "is no JSON object"),
        ('{"messages": []}', "is no list of turns"),
        ('{"messages": [{"content": "x"}]}', 'has no "role"'),
        ('{"prompt": "x"}', "has neither"),
        ('{"prompt": 3, "completion": "x"}', "holds no text"),
        ('{"text": null}', "is no text"),
        ("[" * 100_000, "is not JSON"),
        ("\xff", "is not JSON"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "rows.jsonl"
    good = json.dumps(chat_rows(1, 10, 10)[0])
    path.write_bytes(f"{good}\n\n".encode() + line.encode("latin-1") + b"\n")
    with pytest.raises(Refusal, match=r"rows\.jsonl:3: ") as caught:
        read_rows(path, "rows.jsonl")
    assert words in str(caught.value)


def test_many_wrong_lines_are_not_all_listed(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("x\n" * 12)
    with pytest.raises(Refusal, match=r"and 7 more"):
        read_rows(path, "rows.jsonl")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="cannot be read"):
        read_rows(tmp_path / "none.jsonl", "none.jsonl")


def test_a_template_that_takes_no_row_is_a_sentence(tmp_path: Path) -> None:
    class Strict:
        def apply_chat_template(self, *_args: Any, **_options: Any) -> list[int]:
            raise RuntimeError("roles must alternate")

    path = write_rows(tmp_path / "rows.jsonl", chat_rows(1, 10, 10))
    with pytest.raises(Refusal, match=r"rows.jsonl:1: the model's chat template .*alternate"):
        use(path, Strict())


def test_the_loss_begins_where_prompt_and_row_part(tmp_path: Path) -> None:
    """A template that writes the prompt otherwise once an answer follows."""

    class Other:
        def apply_chat_template(
            self, messages: list[Any], add_generation_prompt: bool = False, **_options: Any
        ) -> list[int]:
            return [1, 2, 9, 9] if add_generation_prompt else [1, 2, 3, 4, 5]

    path = write_rows(tmp_path / "rows.jsonl", chat_rows(1, 10, 10))
    assert use(path, Other()).starts == [2]


def test_rows_taken_together_are_rows_taken_alone(tmp_path: Path, tokenizer: Any) -> None:
    rows = chat_rows(2 * BATCH + 3, 10, 40)
    rows[5] = {"text": " delta ember"}
    rows[7] = {"prompt": " alpha bravo", "completion": " cargo"}
    rows[9] = {"messages": [*rows[8]["messages"], {"role": "user", "content": " née ✗"}]}
    for mask in (True, False):
        together = encode_together(rows, tokenizer, mask)
        assert together == [encode_row(row, tokenizer, mask) for row in rows]
    told: list[tuple[int, int]] = []
    path = write_rows(tmp_path / "rows.jsonl", rows)
    found = tokenise(
        path,
        path.name,
        tokenizer,
        mask_prompt=True,
        max_seq_len=512,
        each=lambda *at: told.append(at),
    )
    assert told == [(at + 1, len(rows)) for at in range(len(rows))]
    together = encode_together(rows, tokenizer, True)
    assert together is not None
    assert [
        (row.tolist(), start) for row, start in zip(found.tokens, found.starts, strict=True)
    ] == [(tokens, start) for tokens, start in together if start < len(tokens)]


def test_a_row_that_no_tokenizer_takes_is_named_among_many(tmp_path: Path, tokenizer: Any) -> None:
    rows = chat_rows(BATCH + 40, 10, 20)
    rows[BATCH + 7] = {"text": "half a pair \ud800"}
    assert encode_together(rows, tokenizer, True) is None
    with pytest.raises(Refusal, match=rf"rows.jsonl:{BATCH + 8}: "):
        use(write_rows(tmp_path / "rows.jsonl", rows), tokenizer)


def test_a_tokenizer_with_a_way_of_its_own_is_asked_row_by_row(tokenizer: Any) -> None:
    class Own:
        """Puts a token in front that its template does not write."""

        _tokenizer = tokenizer._tokenizer

        def apply_chat_template(self, messages: Any, *, tokenize: bool = True, **more: Any) -> Any:
            made = tokenizer.apply_chat_template(messages, tokenize=tokenize, **more)
            return [0, *made] if tokenize else made

    rows = chat_rows(3, 10, 20)
    assert encode_together(rows, Own(), False) is None
    assert encode_together([], tokenizer, False) is None
