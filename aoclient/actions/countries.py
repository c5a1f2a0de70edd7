"""Where the learners are: amounts and lists by country."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from attrs import field, frozen

from aoclient.action import Action, Effect, Spec
from aoclient.actions.learners import Learner
from aoclient.model import NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class CountryAmount:
    """How many learners are in a country.

    Attributes:
        country_iso_code: Two letters; an empty text where the answer has none.
        country: English name.
        amount: Learners.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    country_iso_code: str = ""
    country: str | None = None
    amount: int | None = None
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True, weakref_slot=False)
class CountryLearners(CountryAmount):
    """Who is in a country.

    Attributes:
        country_iso_code: Two letters; an empty text where the answer has none.
        country: English name.
        amount: Learners.
        learners: The learners themselves.
        extra: What else the answer holds, and the raw value of a field that cannot be read.
    """

    learners: list[Learner] = field(factory=list[Learner])
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class LearnersAmountFromCountries(Action[list[CountryAmount]]):
    """Count the learners of each country.

    Args:
        country_iso_code: Only this country, two letters; all of them when left out.

    Answer:
        A list of `CountryAmount`, one for each country, empty when there is none.

    Raises:
        ApiError: The academy refused.

    Doc: learnersAmountFromCountries
    """

    spec: ClassVar = Spec(name="learnersAmountFromCountries", effect=Effect.READS)

    country_iso_code: str | None = None


@frozen(kw_only=True)
class LearnersFromCountry(Action[CountryLearners]):
    """List the learners of one country.

    Args:
        country_iso_code: The country, two letters.

    Answer:
        `CountryLearners`: the country and its learners.

    Raises:
        ApiError: The academy refused.

    Doc: learnersFromCountry
    """

    spec: ClassVar = Spec(name="learnersFromCountry", effect=Effect.READS)

    country_iso_code: str
