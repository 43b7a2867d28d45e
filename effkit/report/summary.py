"""Summarise: records in, plain values out. Nothing is drawn and nothing is written here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from effkit.record import Record
from effkit.report.answer import answer
from effkit.report.budget import budget_table
from effkit.report.cascade import cascade_cards
from effkit.report.charts import charts
from effkit.report.claims import claims_section
from effkit.report.comparison import comparison_table
from effkit.report.cost import traffic_table
from effkit.report.decision import argument
from effkit.report.details import curve_table, details, noise_table
from effkit.report.groups import worst_groups
from effkit.report.limits import limits
from effkit.report.links import counts, deltas, sentences
from effkit.report.sections import Report, StudySection
from effkit.report.tidy import tidy, tidy_links
from effkit.report.units import NBSP, many, show, whole
from effkit.report.values import Fact
from effkit.report.view import View
from effkit.report.what_if import what_if


def summarise(records: Sequence[Record]) -> Report:
    """Turn records, one per study, into everything a report says.

    Args:
        records: the record of each study, in the order in which they are to be read.

    Returns:
        Plain, frozen values: strings ready to show, and numbers for figures and CSV files.
    """
    dates = sorted({_date(record) for record in records})
    return Report(
        title="Is the small model enough?",
        studies=tuple(section(record) for record in records),
        dates=f"{dates[0]} to {dates[-1]}" if len(dates) > 1 else "".join(dates),
        claims=claims_section(records),
    )


def section(record: Record) -> StudySection:
    """Everything the report says of one study."""
    view = View(record)
    found, argued = answer(view), argument(view)
    return StudySection(
        key=record.spec.name,
        title=record.task.title,
        question=_question(view),
        answer=found,
        comparison=comparison_table(view, found.chosen),
        charts=charts(view, found.chosen),
        limits=limits(view),
        noise=noise_table(view),
        budget=budget_table(view) if argued else None,
        argument=argued,
        what_if=what_if(view),
        traffic=traffic_table(view, found.chosen),
        curve=curve_table(view),
        worst_groups=worst_groups(view),
        techniques=sentences(view),
        worth=counts(view),
        deltas=deltas(view),
        cascades=cascade_cards(view),
        details=details(view),
        facts=tuple(_facts(view)),
        versions=tuple(Fact(name, version) for name, version in sorted(record.code.versions.items())),
        date=_date(record),
        tidy=tidy(view, found.chosen),
        links=tidy_links(view),
    )


def _question(view: View) -> str:
    return f"Can a smaller model stand in for {view.label(view.reference)}, within {view.margin} of {view.metric}?"


def _facts(view: View) -> Iterator[Fact]:
    record = view.record
    yield Fact("Margin", f"{view.margin}: {record.spec.margin_reason}")
    tried = sum(candidate.gap is not None for candidate in record.candidates)
    if tried > 1:
        yield Fact("Tried", f"{whole(tried)} candidates: a verdict in favour of one allows for all of them (Holm)")
    yield Fact("Task", _task(record))
    yield Fact("Protocol", _protocol(view))
    yield Fact("Host", _host(record))
    yield Fact("Isolation", _isolation(record))
    yield Fact(
        "Run", f"{record.run}, {'by hand in a notebook' if record.interactive else 'in batch'}, seed {record.spec.seed}"
    )
    yield Fact(
        "Took", f"{show(record.footprint.wall_s, 's')}, of which {show(record.footprint.measuring_s, 's')} measuring"
    )
    commit = record.code.git_commit
    if commit:
        yield Fact("Code", commit[:12] + (" with uncommitted changes" if record.code.git_dirty else ""))
    yield Fact("Hashes", f"data {record.task.sha256[:12]}, parameters {record.code.params_sha256[:12]}")


def _task(record: Record) -> str:
    task = record.task
    clusters = f" in {whole(task.clusters)} groups of dependent items" if task.clusters else ""
    licence = f"; licence {task.licence}" if task.licence else ""
    return f"{task.name}: {whole(task.fit_used)} items to fit, {whole(task.test_used)} to test{clusters}{licence}"


def _protocol(view: View) -> str:
    protocol = view.record.spec.protocol
    generations, blocks = many(view.ran, "generation"), many(protocol.blocks, "block")
    if protocol.interval is not None:
        most = protocol.most_generations
        generations += f" ({protocol.generations} to {most} for ±{100 * protocol.interval:.3g}{NBSP}%)"
    calls, threads = many(protocol.calls, "call"), many(protocol.threads, "thread")
    return f"{protocol.base}: {generations} of {blocks}, {calls}, {threads}"


def _host(record: Record) -> str:
    host = record.host
    quota = f", limited to {host.cgroup_cpus:g}" if host.cgroup_cpus is not None else ""
    parts = [
        f"{host.cpu}, {many(host.cores, 'core')}{quota}",
        show(host.memory_bytes, "bytes"),
        *host.gpus,
        *([f"ran on {host.gpu}"] if host.gpu else []),
        host.system,
        *([host.hypervisor] if host.hypervisor else []),
        f"Python {host.python}",
    ]
    return "; ".join(parts)


def _isolation(record: Record) -> str:
    host = record.host
    word = "core" if len(host.worker_cores) == 1 else "cores"
    cores = f" to {word} {', '.join(map(str, host.worker_cores))}" if host.worker_cores else ""
    others = "unknown" if host.others_share is None else f"{100 * host.others_share:.1f} % of a core"
    stolen = "unknown" if host.steal_share is None else f"{100 * host.steal_share:.2f} %"
    return f"{'pinned' + cores if host.pinned else 'not pinned'}; others took {others}; stolen {stolen}"


def _date(record: Record) -> str:
    return record.finished_at.strftime("%Y-%m-%d")
