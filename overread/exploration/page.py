"""The page of a cohort: one HTML file that needs nothing else, for those who label, train and review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from overread.evaluation.pages import page_environment, safe, stylesheet, tidy
from overread.exploration import class_tables, evidence, sections
from overread.exploration.evidence import Index
from overread.exploration.flow_chart import phases
from overread.exploration.gallery import BUDGET, choose_samples, make_gallery
from overread.exploration.groups import class_groups
from overread.exploration.subject import Subject
from overread.exploration.summary import cautions, lead
from overread.progress import SILENT, Progress

if TYPE_CHECKING:
    from overread.exploration.shortcuts import Shortcut

_EACH, _SAMPLES, _FEWEST = 8, 112, 2


def render_page(
    subject: Subject,
    *,
    shortcuts: Sequence[Shortcut] = (),
    audited: bool = True,
    seed: int = 0,
    budget: int = BUDGET,
    progress: Progress = SILENT,
) -> str:
    """Write the page.

    It holds its style and pictures, loads nothing, runs no script, and is the same to the byte for the same
    arguments. Patient ids do not stand in it; image ids stand where an image must be found again.

    Args:
        subject: What to explore; without images the parts that need pixels are left out.
        shortcuts: What `audit_shortcuts` found.
        audited: Whether it was asked; else the page says that nobody looked.
        seed: Chooses the images of the sample sheet.
        budget: Characters that all pictures may have together.
        progress: Told of the pictures.

    Returns:
        The HTML text.
    """
    groups = class_groups(subject.card, subject.table)
    index = Index(subject, groups)
    rows, missing = class_tables.balance_rows(subject, groups), sections.missing_values(subject, groups)
    twins, leaking = evidence.duplicates(subject, index), evidence.leaks(subject, index)
    audit, odd = evidence.shortcuts(shortcuts, subject, index), evidence.extremes(subject, index)
    samples: list[tuple[str, int, list[str]]] = []
    if subject.images_of is not None:
        ids, patients = (subject.table[name].to_pylist() for name in ("image_id", "patient_id"))
        each = max(_FEWEST, min(_EACH, _SAMPLES // len(groups.names)))
        chosen = choose_samples(ids, patients, groups.members, each=each, seed=seed)
        samples = list(zip(groups.names, groups.images, chosen, strict=True))
    uses = [one for _, _, chosen in samples for one in chosen]
    uses += evidence.images_shown(twins, leaking, audit, odd)
    gallery = make_gallery(uses, subject.images_of, budget=budget, progress=progress)

    compared, not_compared = evidence.compared(subject)
    environment = page_environment("overread.exploration")
    page = environment.get_template("explore.html.jinja").render(
        style=stylesheet(environment, "report.css", "consort.css", "explore.css"),
        card=subject.card,
        lead=lead(subject, groups),
        notes=subject.notes,
        cautions=cautions(
            subject, groups, rows=rows, missing=missing, audit=audit, audited=audited, twins=twins
        ),
        phases=phases(subject.card),
        splits=class_tables.split_totals(subject),
        copied=class_tables.copies_said(subject.card),
        groups=groups,
        rows=rows,
        owner=class_tables.owner_of(subject),
        owned=class_tables.owned(subject),
        split_rule=class_tables.split_rule(subject),
        together=class_tables.together(groups),
        ages=sections.age_table(subject, groups),
        texts=sections.text_tables(subject, groups),
        owners=sections.owners(subject),
        dates=sections.date_table(subject, groups),
        missing=missing,
        pixels=sections.pixels(subject, groups),
        samples=samples,
        extremes=odd,
        twins=twins,
        leaks=leaking,
        audit=audit,
        audited=audited,
        rejects=evidence.rejects(subject),
        picture=lambda one: safe(gallery.of(one) or ""),
        lost=len(gallery.lost),
        has_images=subject.images_of is not None,
        seed=seed,
        tables_share=lambda images: sections.share_of(images, subject.card.images),
        compared=compared,
        not_compared=not_compared,
    )
    return tidy(page)
