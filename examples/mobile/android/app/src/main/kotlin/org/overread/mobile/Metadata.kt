package org.overread.mobile

private const val OLDEST = 125.0

/** What is known beside the image as the network takes it: a number, or the place of a category; else NaN. */
fun tell(fields: List<MetadataField>, known: Map<String, Any>): FloatArray {
    val strangers = known.keys - fields.map { it.name }.toSet()
    require(strangers.isEmpty()) { "the bundle does not ask for '${strangers.first()}'" }
    return FloatArray(fields.size) { valueOf(fields[it], known[fields[it].name]) }
}

private fun valueOf(field: MetadataField, said: Any?): Float {
    if (said == null) return Float.NaN
    if (field.kind == "category") {
        val exact = field.categories.indexOf("$said".trim())
        val near = field.categories.indexOfFirst { it.equals("$said".trim(), ignoreCase = true) }
        return if (exact >= 0) exact.toFloat() else if (near >= 0) near.toFloat() else Float.NaN
    }
    val number = (said as? Number)?.toDouble()
    require(number != null && Math.abs(number) <= Float.MAX_VALUE) { "'${field.name}': expected a number" }
    return if (field.name == "age" && number !in 0.0..OLDEST) Float.NaN else number.toFloat()
}
