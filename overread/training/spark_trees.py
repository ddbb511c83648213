"""Reading the trees that Spark ML has grown, all of a model at once."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from overread.training.grown_trees import at_most
from overread.training.trees import Trees


def spark_trees(model: Any, *, kind: str, competing: bool) -> list[Trees]:
    """The trees of a fitted classifier: leaf values that, added up, are its answer.

    Args:
        model: RandomForestClassificationModel or GBTClassificationModel.
        kind: "random-forest": each leaf says the share of the classes (of the second alone, where they do not
            compete); "gradient-boosting": a part of the log-odds, which are twice Spark's margin (LogLoss:
            log(1 + exp(-2 y F)), Friedman 1999, section 4.5).
        competing: Of several classes exactly one is present.
    """
    trees = []
    for nodes, weight in zip(_nodes(model), model.treeWeights, strict=True):
        if kind == "gradient-boosting":
            value = np.array([[2 * weight * node["prediction"]] for node in nodes])
        else:
            counts = np.array([node["impurityStats"] for node in nodes], np.float64)
            shares = counts / counts.sum(1, keepdims=True)
            value = shares if competing else shares[:, 1:2]
        trees.append(_tree(nodes, value))
    return trees


def _tree(nodes: list[dict[str, Any]], value: Any) -> Trees:
    """Nodes in the order of their numbers; Spark goes left at or below a threshold, as `Trees` do."""
    here = np.arange(len(nodes))
    left = np.array([node["leftChild"] for node in nodes], np.int64)
    right = np.array([node["rightChild"] for node in nodes], np.int64)
    leaf = left < 0
    splits = [node["split"] for node in nodes]
    threshold = np.array([(*one["leftCategoriesOrThreshold"], 0.0)[0] for one in splits], np.float64)
    depth = np.zeros(len(nodes), np.int64)
    for node in here[~leaf]:  # a parent stands before its children
        depth[[left[node], right[node]]] = depth[node] + 1
    return Trees(
        feature=np.where(leaf, 0, np.array([one["featureIndex"] for one in splits], np.int64)),
        threshold=np.where(leaf, np.float32(0), at_most(threshold)),
        left=np.where(leaf, here, left),
        right=np.where(leaf, here, right),
        value=np.asarray(value, np.float32),
        roots=np.zeros(1, np.int64),
        depth=int(depth.max()),
    )


def _nodes(model: Any) -> list[list[dict[str, Any]]]:
    """The nodes of each tree, as Spark writes them when it saves a model.

    Asked for node by node, a forest is a hundred thousand calls between Python and Java; saved as files, it
    would need a disk that driver and workers share. Jackson, which Spark brings, writes all as one text.
    """
    from pyspark import SparkContext

    jvm: Any = SparkContext.getOrCreate()._jvm
    written = getattr(jvm.org.apache.spark.ml.tree, "DecisionTreeModelReadWrite$NodeData$")
    build = getattr(written, "MODULE$").build
    jackson = jvm.com.fasterxml.jackson
    access, visible = jackson.annotation.PropertyAccessor, "JsonAutoDetect$Visibility"
    mapper = jackson.databind.ObjectMapper()
    mapper.setVisibility(access.ALL, getattr(jackson.annotation, visible).NONE)
    mapper.setVisibility(access.FIELD, getattr(jackson.annotation, visible).ANY)
    mapper.registerModule(jackson.module.scala.DefaultScalaModule())
    forest = jvm.java.util.ArrayList()
    for tree in model._java_obj.trees():
        forest.add(build(tree.rootNode(), 0)._1())
    found: list[list[dict[str, Any]]] = json.loads(mapper.writeValueAsString(forest))
    return [sorted(nodes, key=lambda node: int(node["id"])) for nodes in found]
