"""What production allows, what it pays, and what arrives: the part of a study that no measuring depends on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, StringConstraints, model_validator

from effkit.frozen import Frozen

NO_POINTS = "`budget.group_margin_points` is of points, and an error has none: leave it out."
"""Said where the task is a regression, which a budget does not know."""


class Budget(Frozen):
    """What production allows. What is not named is not limited."""

    latency_p99_s: PositiveFloat | None = Field(
        default=None, description="99th percentile of one request, from sending it to its answer, seconds"
    )
    network_s: NonNegativeFloat | None = Field(
        default=None, description="the part of it that the network's round trip takes, seconds"
    )
    network_bytes_per_s: PositiveFloat | None = Field(
        default=None, description="speed of the network: moving a request and its answer takes its part too"
    )
    prepare_p99_s: PositiveFloat | None = Field(
        default=None, description="99th percentile of tokenising, decoding, resizing, encoding, seconds"
    )
    infer_p99_s: PositiveFloat | None = Field(default=None, description="99th percentile of the model alone, seconds")
    peak_bytes: PositiveInt | None = Field(default=None, description="peak memory of the worker, on a GPU too, bytes")
    weight_bytes: PositiveInt | None = Field(default=None, description="size of the model's files on disk, bytes")
    cold_start_s: PositiveFloat | None = Field(
        default=None, description="from a fresh process to its first answer: importing, loading, first call, seconds"
    )
    items_per_s: PositiveFloat | None = Field(
        default=None, description="throughput in batches of `protocol.batch`: at least so many items a second"
    )
    energy_j: PositiveFloat | None = Field(default=None, description="energy of a request, joules")
    carbon_g_per_thousand: PositiveFloat | None = Field(
        default=None, description="CO2e of 1,000 requests at `requests_per_s`, grams"
    )
    money_per_thousand: PositiveFloat | None = Field(
        default=None, description="price of 1,000 requests at `requests_per_s`, in the currency of `cost`"
    )
    group_margin_points: PositiveFloat | None = Field(
        default=None, description="how much worse is still good enough in any group of items, in points"
    )
    requests_per_s: PositiveFloat | None = Field(
        default=None, description="traffic at which the decision is made; `latency_p99_s` there takes a load test"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Budget:
        total_s, network_s = self.latency_p99_s, self.network_s or 0.0
        for part in ("network_s", "network_bytes_per_s"):
            if getattr(self, part) is not None and total_s is None:
                raise ValueError(f"`budget.{part}` is a part of `latency_p99_s`, which is not given: give both")
        if total_s is not None:
            left_s = total_s - network_s
            if left_s <= 0:
                raise ValueError(
                    f"`budget.network_s` is {network_s:g} and takes all of `latency_p99_s`, {total_s:g}: nothing is "
                    "left to compute in. Allow more in all, or bring the model nearer"
                )
            for part in ("prepare_p99_s", "infer_p99_s"):
                limit_s = getattr(self, part)
                if limit_s is not None and limit_s > left_s:
                    raise ValueError(
                        f"`budget.{part}` is {limit_s:g}, and `latency_p99_s` leaves {left_s:g} for all computing: "
                        f"give at most that, or leave `{part}` out"
                    )
        for asked in ("money_per_thousand", "carbon_g_per_thousand"):
            if getattr(self, asked) is not None and self.requests_per_s is None:
                raise ValueError(
                    f"`budget.{asked}` depends on the traffic, since idle machines cost too: give "
                    "`budget.requests_per_s` with it"
                )
        return self

    def away_s(self, moved_bytes: float) -> float:
        """Seconds of a request's latency that are not the machine's: the network's, and moving request and answer."""
        moving_s = moved_bytes / self.network_bytes_per_s if self.network_bytes_per_s else 0.0
        return (self.network_s or 0.0) + moving_s

    def on_machine_s(self, moved_bytes: float) -> float | None:
        """What the latency budget leaves to the machine, seconds, be it below 0; None without one."""
        return None if self.latency_p99_s is None else self.latency_p99_s - self.away_s(moved_bytes)


Region = Annotated[str, StringConstraints(to_upper=True)]
"""A code however it is written: `deu` and `DEU` are one grid, of one name."""


class CarbonSpec(Frozen):
    """Where the electricity comes from. Never guessed from the network: where none is named, the world's average."""

    region: Region = Field(default="WORLD", description="ISO 3166 alpha-3 code of a country, or WORLD")
    grid_g_per_kwh: PositiveFloat | None = Field(
        default=None, description="your own grid's CO2e, in place of the region's yearly average"
    )
    scenarios: tuple[Region, ...] = Field(
        default=("FRA", "WORLD", "IND"), description="a low, a middle and a high grid, always shown"
    )
    pue: float = Field(default=1.0, ge=1.0, description="the data centre's total energy over that of its machines")
    embodied_kg: NonNegativeFloat | None = Field(
        default=None, description="CO2e of making the machine, kg (SCI's M); None leaves it out"
    )
    lifetime_years: PositiveFloat = Field(default=4.0, description="over which the machine's making is shared out")

    @property
    def place(self) -> str:
        """What tables call the grid: the region, or `OWN` where the study gives its own factor."""
        return self.region if self.grid_g_per_kwh is None else "OWN"


class LoadSpec(Frozen):
    """A load test by MLPerf LoadGen: requests that arrive whether or not the last one is answered."""

    max_batch: PositiveInt = Field(default=1, description="most waiting requests that are answered together")
    shares: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.3, 0.6, 0.8), min_length=1, description="rates, as rising shares of the candidate's saturation"
    )
    seeds: PositiveInt = Field(default=3, description="arrival sequences at each rate, the same for all candidates")
    queries: PositiveInt = Field(default=4500, description="requests of one sequence")
    most_s: PositiveFloat = Field(
        default=100.0, description="a sequence is cut where it would last longer, seconds, but has 20 requests at least"
    )


MOST_UNDER_LOAD = 5
"""Candidates of a study that are put under load: the reference, the chosen one and three others of the front."""


class CostSpec(Frozen):
    """What a machine like this one costs. Your price: effkit knows none."""

    machine_per_hour: PositiveFloat = Field(description="price of one machine for an hour")
    currency: str = Field(min_length=1, description="of the price, as in EUR")
    source: str = Field(min_length=1, description="where the price comes from")
    transfer_per_gb: NonNegativeFloat = Field(default=0.0, description="price of moving 10^9 bytes")
    storage_per_gb_month: NonNegativeFloat = Field(
        default=0.0, description="price of keeping 10^9 bytes of a model for a month, on every machine"
    )
    workers_per_machine: PositiveInt = Field(
        default=1, description="workers that share a machine, as you know it: they are measured one at a time"
    )
