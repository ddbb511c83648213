from __future__ import annotations

from pathlib import Path

import pytest

from overread.engine.spark.configuration import (
    Machine,
    cluster_defaults,
    configuration,
    driver_memory,
    in_words,
    named_master,
    this_machine,
)
from overread.errors import UsageError

LAPTOP = Machine(cores=4, memory=16 * 2**30)


@pytest.mark.parametrize(
    ("master", "cores", "named"),
    [
        (None, 3, "local[3,4]"),
        ("local", None, "local[1,4]"),
        ("local[2]", 8, "local[2,4]"),
        ("local[2,1]", None, "local[2,1]"),
        ("local[*]", 2, "local[2,4]"),
        ("spark://a:7077", None, "spark://a:7077"),
        ("local-cluster[2,1,1024]", None, "local-cluster[2,1,1024]"),
    ],
)
def test_local_masters_get_several_tries(master: str | None, cores: int | None, named: str) -> None:
    assert named_master(master, cores=cores) == named


@pytest.mark.parametrize("master", ["spark:/a", "local[x]", "mesos://a", ""])
def test_what_is_no_master_is_wrong_usage(master: str) -> None:
    if master == "":
        assert named_master(master).startswith("local[")
        return
    with pytest.raises(UsageError, match="got '"):
        named_master(master)


def test_this_machine_alone_listens_on_loopback_and_leaves_memory_to_python() -> None:
    chosen = configuration("local[4,4]", machine=LAPTOP)
    assert chosen["spark.driver.bindAddress"] == chosen["spark.driver.host"] == "127.0.0.1"
    assert chosen["spark.ui.enabled"] == "false"
    assert chosen["spark.driver.memory"] == "2048m"
    assert "TieredStopAtLevel=1" in chosen["spark.driver.extraJavaOptions"]
    assert chosen["spark.executorEnv.OMP_NUM_THREADS"] == "1"
    assert "spark.executor.memory" not in chosen


def test_the_drivers_memory_is_a_quarter_of_a_small_machine_and_bounded_on_a_large_one() -> None:
    assert driver_memory(Machine(2, 4 * 2**30), 2) == 2**30
    assert driver_memory(Machine(1, 2**30), 1) == 512 * 2**20
    assert driver_memory(Machine(64, 512 * 2**30), 16) == 5 * 2**30


def test_containers_have_room_for_their_python_workers() -> None:
    chosen = configuration("yarn", cores=9, machine=LAPTOP, given={"spark.executor.cores": 4})
    assert chosen["spark.executor.memoryOverhead"] == "4096m"
    assert chosen["spark.executor.instances"] == "3"
    assert "spark.cores.max" not in chosen
    assert configuration("spark://a:1", cores=9, machine=LAPTOP)["spark.cores.max"] == "9"


def test_what_the_user_sets_stands_above_the_cluster_and_that_above_what_is_chosen() -> None:
    defaults = {"spark.driver.memory": "9g", "spark.ui.enabled": "true"}
    given = {"spark.driver.memory": "3g", "spark.speculation": True, "spark.task.cpus": 2}
    chosen = configuration("local[2,4]", machine=LAPTOP, given=given, defaults=defaults)
    assert chosen["spark.driver.memory"] == "3g"
    assert chosen["spark.speculation"] == "true"
    assert chosen["spark.task.cpus"] == "2"
    assert "spark.ui.enabled" not in chosen  # spark-submit reads it itself


def test_every_value_that_is_chosen_can_be_set_otherwise() -> None:
    for master in ("local[2,4]", "spark://a:7077", "yarn", "k8s://https://a"):
        for name in configuration(master, machine=LAPTOP):
            value: str | int = 7 if name == "spark.executor.cores" else "7"
            assert configuration(master, machine=LAPTOP, given={name: value})[name] == "7"


def test_the_clusters_own_defaults_are_read(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text(
        "# of the cluster\n\nspark.executor.memory   4g\nspark.eventLog.dir = hdfs://a:1/b c\nlonely\n"
    )
    wanted = {"spark.executor.memory": "4g", "spark.eventLog.dir": "hdfs://a:1/b c"}
    assert cluster_defaults({"SPARK_HOME": str(tmp_path)}) == wanted
    assert cluster_defaults({"SPARK_CONF_DIR": str(tmp_path / "conf")}) == wanted
    assert cluster_defaults({}) == {}


def test_one_sentence_names_what_matters_and_all_that_was_set() -> None:
    given = {"spark.driver.memory": "3g", "spark.speculation": True}
    said = in_words(configuration("local[2,4]", machine=LAPTOP, given=given), given=given)
    assert said == (
        "Java up to 3g, batches up to 64 rows, spark.driver.memory = 3g, spark.speculation = true"
    )


def test_secrets_stand_on_no_terminal() -> None:
    given = {"spark.hadoop.fs.s3a.secret.key": "s3cret", "spark.hadoop.fs.s3a.access.key": "AKIA"}
    said = in_words(configuration("local[2,4]", machine=LAPTOP, given=given), given=given)
    assert "spark.hadoop.fs.s3a.secret.key = …" in said
    assert "s3cret" not in said
    assert "AKIA" not in said


def test_this_machine_has_cores_and_memory() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert 2**28 < machine.memory < 2**50
