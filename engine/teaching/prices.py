"""What a model costs: from ``factory.toml``, else from the list that comes with the extra.

That list (genai-prices, kept by the makers of pydantic-ai) is part of an installed version and asks
nobody; its version is named beside each cost. A model that is in neither has no price, not 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from engine.teaching.naming import TeacherSpec


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens, and where that is from."""

    input_usd: float
    output_usd: float
    source: str

    def cost(self, tokens_in: int, tokens_out: int) -> float:
        """In US dollars, without the discounts for what a server had cached: an upper bound."""
        return (tokens_in * self.input_usd + tokens_out * self.output_usd) / 1e6


def price_of(spec: TeacherSpec) -> Price | None:
    """The price of a teacher's model; None where it is not known."""
    if spec.input_usd is not None and spec.output_usd is not None:
        return Price(spec.input_usd, spec.output_usd, f"factory.toml, teachers.{spec.name}")
    if not spec.official:
        return None  # another's server may serve another model by that name, at another price
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    million = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
    try:
        found = calc_price(million, model_ref=spec.model, provider_id=spec.api)
    except LookupError:
        return None
    source = f"genai-prices {metadata.version('genai-prices')}, {found.model.id}"
    return Price(float(found.input_price), float(found.output_price), source)
