"""TF-IDF, for classes and for search."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from effkit.models import Products, Recipe, tfidf
from effkit.tasks import METRICS, Task, split

WORDS = {"fruit": ["apple", "pear", "plum"], "tool": ["hammer", "saw", "drill"], "pet": ["cat", "dog", "hamster"]}


def small_task() -> Task:
    rng = np.random.default_rng(1)
    labels = [list(WORDS)[number % 3] for number in range(150)]
    texts = [" ".join([*rng.choice(WORDS[label], 2), *rng.choice(["the", "a", "this"], 2)]) for label in labels]
    return Task.from_arrays("words", texts, labels)


def small_search() -> Task:
    documents = [f"{a} {b} is here" for a in WORDS["fruit"] for b in WORDS["tool"] + WORDS["pet"]]
    labels = np.arange(len(documents))
    return Task(
        name="search",
        kind="retrieval",
        modality="text",
        table=pa.table({"question": [f"where is {text.removesuffix(' is here')}?" for text in documents]}),
        corpus=pa.table({"document": documents}),
        labels=labels,
        splits=split(len(labels), test_share=0.8),
    )


def test_classifies_and_counts(recipe: Callable[..., Recipe], products: Products) -> None:
    task = small_task()
    made = recipe("tfidf-logreg", task)
    folder = tfidf.make(made, task, products)
    found = tfidf.predict(made, folder, task, task.splits["test"], products)
    assert np.allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == task.labels[task.splits["test"]]).all()
    predictor = tfidf.load(made, folder)
    facts = tfidf.facts(predictor, "apple plum", folder)
    assert facts.flops == 2 * predictor.prepare(["apple plum"]).nnz * 3
    assert facts.parameters > 3 * 9
    assert np.isfinite(predictor.infer(predictor.prepare(["never seen", ""]))).all()


def test_what_was_saved_weighs_texts_as_what_was_trained(recipe: Callable[..., Recipe], products: Products) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    task = small_task()
    made = recipe("tfidf-logreg", task)
    texts, labels = task.items.take(task.splits["fit"]), task.labels[task.splits["fit"]]
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=4.0, max_iter=1000).fit(vectoriser.fit_transform(texts), labels)
    ours = tfidf.predict(made, tfidf.make(made, task, products), task, task.splits["test"], products)
    theirs = model.predict_proba(vectoriser.transform(task.items.take(task.splits["test"])))
    assert np.allclose(ours, theirs, atol=1e-3)


def test_search_returns_the_best_documents_first(recipe: Callable[..., Recipe], products: Products) -> None:
    task = small_search()
    made = recipe("tfidf-logreg", task)
    folder = tfidf.make(made, task, products)
    found = tfidf.predict(made, folder, task, task.splits["test"], products)
    assert found.shape == (len(task.splits["test"]), 10)
    assert METRICS["recall_at_1"].score(found, task.labels[task.splits["test"]]).mean() == 1
    assert products.used[-1]["items"] == len(task.documents)
    assert tfidf.facts(tfidf.load(made, folder), "where is apple cat?", folder).flops > 0


def test_a_question_without_a_known_word_still_gets_documents(
    recipe: Callable[..., Recipe], products: Products
) -> None:
    task = small_search()
    made = recipe("tfidf-logreg", task)
    predictor = tfidf.load(made, tfidf.make(made, task, products))
    assert predictor.infer(predictor.prepare(["zzz"]))[0].tolist() == list(range(10))


def test_clothing_scores_what_others_report(
    fetched: Callable[[str], Task], recipe: Callable[..., Recipe], products: Products
) -> None:
    task = fetched("clothing-department")
    made = recipe("tfidf-logreg", task, fit_items=1500)
    test = task.first("test", 2000)
    found = tfidf.predict(made, tfidf.make(made, task, products), task, test, products)
    assert 0.75 < METRICS["accuracy"].score(found, task.labels[test]).mean() < 0.86


def test_squad_scores_what_others_report(
    fetched: Callable[[str], Task], recipe: Callable[..., Recipe], products: Products
) -> None:
    task = fetched("squaddev")
    made = recipe("tfidf-logreg", task)
    test = task.first("test", 2000)
    found = tfidf.predict(made, tfidf.make(made, task, products), task, test, products)
    assert 0.68 < METRICS["recall_at_1"].score(found, task.labels[test]).mean() < 0.75
