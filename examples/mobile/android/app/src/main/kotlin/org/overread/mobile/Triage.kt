package org.overread.mobile

enum class Decision(val word: String) {
    URGENT("urgent"),
    ROUTINE("routine"),
    CANNOT_ASSESS("cannot-assess"),
}

/** From scores and novelty to a decision, as overread/bundle/triage.py decides; float64 throughout. */
fun decide(scores: List<Double>, novelty: Double, manifest: Manifest): Decision {
    require(scores.size == manifest.classes.size) {
        "expected ${manifest.classes.size} scores, got ${scores.size}"
    }
    // NaN compares false: nothing known, no reading.
    val known = novelty <= manifest.noveltyThreshold && scores.all { it.isFinite() }
    if (!known) return Decision.CANNOT_ASSESS
    val reached = manifest.decidingPoints.map { point ->
        val names = if (point.className.isEmpty()) manifest.urgent else listOf(point.className)
        names.fold(0.0) { total, name -> total + scores[manifest.classes.indexOf(name)] } >= point.threshold
    }
    val rule = manifest.conformal
    return when {
        rule != null -> answer(scores, rule, reached, manifest)
        reached.any { it } -> Decision.URGENT
        else -> Decision.ROUTINE
    }
}

/** What the conformal rule and the operating points say together; what they leave open cannot be assessed. */
private fun answer(
    scores: List<Double>,
    rule: ConformalRule,
    reached: List<Boolean>,
    manifest: Manifest,
): Decision {
    val values = if (manifest.task == "multiclass") scores else scores.flatMap { listOf(1 - it, it) }
    require(values.size == rule.lowest.size) {
        "expected ${values.size} thresholds of a conformal rule, got ${rule.lowest.size}"
    }
    val possible = values.zip(rule.lowest) { value, lowest -> lowest == null || value >= lowest }
    val present: Boolean
    val absent: Boolean
    if (manifest.task == "multiclass") {
        val (urgent, others) = manifest.classes.indices.partition { manifest.classes[it] in manifest.urgent }
        val some = urgent.any { possible[it] }
        val other = others.any { possible[it] }
        present = reached.any { it } && some && !other
        absent = reached.none { it } && other && !some
    } else {
        val columns = manifest.urgent.map { 2 * manifest.classes.indexOf(it) }
        present = columns.indices.any { reached[it] && possible[columns[it] + 1] && !possible[columns[it]] }
        absent = columns.indices.all { !reached[it] && possible[columns[it]] && !possible[columns[it] + 1] }
    }
    return if (present) Decision.URGENT else if (absent) Decision.ROUTINE else Decision.CANNOT_ASSESS
}
