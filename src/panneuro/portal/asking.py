"""What visitors ask to be run, as JSON or as a form has it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from panneuro.compute.planning import Given
from panneuro.compute.running import Limits
from panneuro.core.digests import canonical_json
from panneuro.portal.offers import PIPELINE, STEP
from panneuro.portal.orders import Order

_OF_PARAMETER, _OF_SIGNAL = "p.", "take."


class RunAsked(BaseModel):
    """What is to be run, on what, and what it may not pass."""

    model_config = ConfigDict(extra="ignore", str_strip_whitespace=True)

    step: str = Field("", max_length=200, description="name of an installed step; or else")
    pipeline: str = Field("", max_length=200, description="name of a pipeline")
    on: str = Field("", max_length=4_000, description="a search; the pipeline's own by default")
    parameters: dict[str, Any] = Field(
        default_factory=dict, max_length=50, description="of the step; in a form p.NAME each"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="of random numbers")
    takes: dict[str, str] = Field(
        default_factory=dict,
        max_length=50,
        description="signal to take, by parameter; in a form take.NAME each",
    )
    label: str = Field("", max_length=60, description="names what is made, not the step")
    max_bytes: int | None = Field(None, ge=0, description="refuse to read and write more")
    max_memory: int | None = Field(None, ge=0, description="refuse runs that hold more bytes")
    max_cost: float | None = Field(None, ge=0, description="refuse to spend more")
    plan: str = Field("", max_length=100, description="digest of a plan; refuse to run another")

    @model_validator(mode="before")
    @classmethod
    def _of_form(cls, said: Any) -> Any:
        """Gather what forms say name by name; what is left empty is not said."""
        if not isinstance(said, Mapping) or {"parameters", "takes"} & said.keys():
            return said
        kept = {name: value for name, value in said.items() if value != ""}
        gathered: dict[str, Any] = {"parameters": {}, "takes": {}}
        for name, value in kept.items():
            if name.startswith(_OF_PARAMETER):
                gathered["parameters"][name.removeprefix(_OF_PARAMETER)] = _value(value)
            elif name.startswith(_OF_SIGNAL):
                gathered["takes"][name.removeprefix(_OF_SIGNAL)] = value
        return kept | gathered

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        """Refuse what no record can hold, and what would not be heeded."""
        canonical_json(self.model_dump())
        if self.pipeline and (self.parameters or self.takes or self.label):
            raise ValueError("a pipeline is run as it was written: parameters are those of a step")
        return self

    @property
    def kind(self) -> str:
        """Whether a pipeline is asked for, or a step."""
        return PIPELINE if self.pipeline else STEP

    @property
    def name(self) -> str:
        """Of what is asked for."""
        return self.pipeline or self.step

    @property
    def limits(self) -> Limits:
        """What may not be passed."""
        return Limits(self.max_bytes, self.max_memory, self.max_cost)

    @property
    def given(self) -> Given:
        """What is said of the runs."""
        return Given(self.parameters, self.seed, self.takes, self.label)

    @property
    def texts(self) -> dict[str, str]:
        """Everything that was said, by the names that a form has for it."""
        said = self.model_dump(exclude={"parameters", "takes", "plan"})
        said |= {f"{_OF_PARAMETER}{name}": value for name, value in self.parameters.items()}
        said |= {f"{_OF_SIGNAL}{name}": value for name, value in self.takes.items()}
        return {name: text for name, value in said.items() if (text := as_text(value))}

    @property
    def line(self) -> str:
        """The same on the command line."""
        words = ["panneuro", "up" if self.pipeline else "run", self.name, "--on", self.on]
        for name, value in self.parameters.items():
            words += ["-p", f"{name}={as_text(value)}"]
        for name, signal in self.takes.items():
            words += ["--take", f"{name}={signal}"]
        words += ["--seed", str(self.seed)] if self.seed else []
        words += ["--as", self.label] if self.label else []
        return shlex.join(words)

    @classmethod
    def of(cls, order: Order) -> Self:
        """Return what an order asked for, on the same assets."""
        said = {"parameters": order.parameters, "takes": order.takes, "seed": order.seed}
        said |= {
            order.kind: order.name,
            "label": order.label,
            "on": order.on,
            **asdict(order.limits),
        }
        return cls.model_validate(said)


def _value(text: Any) -> Any:
    """Read a parameter as a form says it: lists and mappings as JSON, the rest by its type."""
    if isinstance(text, str) and text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"{text[:80]!r} is no JSON: {error}") from error
    return text


def as_text(value: Any) -> str:
    """Return a parameter as a form has it.

    Examples
    --------
    >>> as_text([300, 6000]), as_text("CA1"), as_text(None)
    ('[300, 6000]', 'CA1', '')
    """
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value)
