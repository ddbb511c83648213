package org.overread.mobile

import kotlin.math.abs
import org.json.JSONObject

private const val SCORE_TOLERANCE = 1e-5
private const val NOVELTY_TOLERANCE = 1e-4

class SelfTest(val pictures: Int, val largestScoreDifference: Double, val failures: List<String>) {
    val passed get() = failures.isEmpty()
}

/** Read the bundle's own pictures: does this device say what was said where the bundle was packed? */
fun selfTest(reader: Reader, files: BundleFiles, decode: (ByteArray) -> Pixels): SelfTest {
    val expected = JSONObject(files.read(reader.manifest.expected).decodeToString())
    val rows = expected.getJSONArray("images").objects()
    var largest = 0.0
    val failures = mutableListOf<String>()
    for (row in rows) {
        val file = row.getString("file")
        val told = row.optJSONObject("metadata") ?: JSONObject()
        val reading = reader.read(
            decode(files.read("selftest/$file")),
            told.keys().asSequence().associateWith(told::get),
        )
        val scores = row.getJSONArray("scores").numbers()
        val score = scores.zip(reading.scores) { one, other -> abs(one - other) }.max()
        val wanted = row.getDouble("novelty")
        val novelty = abs(reading.novelty - wanted) / (1 + abs(wanted))
        largest = maxOf(largest, score)
        val same = score <= SCORE_TOLERANCE && novelty <= NOVELTY_TOLERANCE &&
            reading.decision.word == row.getString("decision")
        if (!same) failures += "$file: scores off by $score, novelty by $novelty, ${reading.decision.word}"
    }
    return SelfTest(rows.map { it.getString("file") }.toSet().size, largest, failures)
}
