package org.overread.mobile

import org.json.JSONArray
import org.json.JSONObject

/** What bundle.json says (docs/reference/bundle.md), as far as a reader needs it. */
class Manifest(
    val label: String,
    val task: String,
    val classes: List<String>,
    val preprocess: Preprocess,
    val operatingPoints: List<OperatingPoint>,
    val urgent: List<String>,
    val noveltyThreshold: Double,
    val conformal: ConformalRule?,
    val metadata: List<MetadataField>,
    val quality: QualityLimits?,
    val files: Map<String, String>,
    /** Read with network.small.onnx, by its own thresholds. */
    val small: Boolean,
) {
    val network get() = if (small) "network.small.onnx" else "network.onnx"
    val expected get() = if (small) "selftest/expected.small.json" else "selftest/expected.json"

    /** The first operating point of each urgent class; multiclass: one, of the sum of their scores. */
    val decidingPoints: List<OperatingPoint>
        get() {
            val wanted = if (urgent.isNotEmpty() && task == "multiclass") listOf("") else urgent
            return wanted.map { name -> operatingPoints.first { it.className == name } }
        }

    companion object {
        private const val NEWEST_SCHEMA = 3

        /** The manifest; a bundle that has a small network is read with it. */
        fun of(json: JSONObject): Manifest {
            val schema = json.getInt("schema_version")
            require(schema in 1..NEWEST_SCHEMA) {
                "bundle.json: this app knows schema versions up to $NEWEST_SCHEMA, got $schema"
            }
            val small = json.optJSONObject("small")
            val mark = if (small != null) "+small" else ""
            val rules = small ?: json
            val triage = json.getJSONObject("triage")
            return Manifest(
                label = "${json.getString("name")}@${json.getString("version")}$mark",
                task = json.getString("task"),
                classes = json.getJSONArray("classes").strings(),
                preprocess = preprocessOf(json.getJSONObject("preprocess")),
                operatingPoints = rules.getJSONArray("operating_points").objects().map(::pointOf),
                urgent = triage.getJSONArray("urgent").strings(),
                noveltyThreshold = (small ?: triage).getDouble("novelty_threshold"),
                conformal = triage.optJSONObject("conformal")?.let(::ruleOf),
                metadata = json.optJSONArray("metadata")?.objects().orEmpty().map(::fieldOf),
                quality = json.optJSONObject("quality")?.let(::limitsOf),
                files = json.getJSONObject("files").let { all ->
                    all.keys().asSequence().associateWith(all::getString)
                },
                small = small != null,
            )
        }
    }
}

class Preprocess(val size: Int, val mean: List<Double>, val std: List<Double>)

class OperatingPoint(val name: String, val className: String, val threshold: Double)

/** For each class (but multiclass: its absence and its presence) the score at which it is still possible. */
class ConformalRule(val lowest: List<Double?>)

class MetadataField(val name: String, val kind: String, val categories: List<String>)

class QualityLimits(val shorterSide: Int, val dark: Double, val bright: Double, val sharpness: Double)

private fun preprocessOf(json: JSONObject) =
    Preprocess(json.getInt("size"), json.getJSONArray("mean").numbers(), json.getJSONArray("std").numbers())

private fun pointOf(json: JSONObject) =
    OperatingPoint(json.getString("name"), json.getString("class_name"), json.getDouble("threshold"))

private fun ruleOf(json: JSONObject): ConformalRule {
    val lowest = json.getJSONArray("lowest")
    return ConformalRule(List(lowest.length()) { if (lowest.isNull(it)) null else lowest.getDouble(it) })
}

private fun fieldOf(json: JSONObject) =
    MetadataField(json.getString("name"), json.getString("kind"), json.getJSONArray("categories").strings())

private fun limitsOf(json: JSONObject) =
    QualityLimits(
        json.getInt("shorter_side"),
        json.getDouble("dark"),
        json.getDouble("bright"),
        json.getDouble("sharpness"),
    )

internal fun JSONArray.strings() = List(length()) { getString(it) }

internal fun JSONArray.numbers() = List(length()) { getDouble(it) }

internal fun JSONArray.objects() = List(length()) { getJSONObject(it) }
