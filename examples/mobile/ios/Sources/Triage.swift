enum Decision: String {
    case urgent
    case routine
    case cannotAssess = "cannot-assess"
}

/// From scores and novelty to a decision, as overread/bundle/triage.py decides; Double throughout.
func decide(_ scores: [Double], novelty: Double, manifest: Manifest) -> Decision {
    precondition(scores.count == manifest.classes.count, "expected one score a class")
    // NaN compares false: nothing known, no reading.
    let known = novelty <= manifest.noveltyThreshold && scores.allSatisfy(\.isFinite)
    guard known else { return .cannotAssess }
    let reached = manifest.decidingPoints.map { point -> Bool in
        let names = point.className.isEmpty ? manifest.urgent : [point.className]
        let total = names.reduce(0.0) { sum, name in sum + scores[place(name, in: manifest)] }
        return total >= point.threshold
    }
    if let rule = manifest.conformal {
        return answer(scores, rule: rule, reached: reached, manifest: manifest)
    }
    return reached.contains(true) ? .urgent : .routine
}

/// What the conformal rule and the operating points say together; what they leave open cannot be assessed.
private func answer(
    _ scores: [Double], rule: ConformalRule, reached: [Bool], manifest: Manifest
) -> Decision {
    let values = manifest.task == "multiclass" ? scores : scores.flatMap { [1 - $0, $0] }
    precondition(values.count == rule.lowest.count, "expected as many thresholds as values")
    let possible = zip(values, rule.lowest).map { value, lowest in lowest.map { value >= $0 } ?? true }
    let present: Bool
    let absent: Bool
    if manifest.task == "multiclass" {
        let left = manifest.classes.indices.filter { possible[$0] }
        let some = left.contains { manifest.urgent.contains(manifest.classes[$0]) }
        let other = left.contains { !manifest.urgent.contains(manifest.classes[$0]) }
        let over = reached.contains(true)
        present = over && some && !other
        absent = !over && other && !some
    } else {
        let findings = zip(reached, manifest.urgent.map { 2 * place($0, in: manifest) })
        present = findings.contains { over, column in over && possible[column + 1] && !possible[column] }
        absent = findings.allSatisfy { over, column in !over && possible[column] && !possible[column + 1] }
    }
    return present ? .urgent : absent ? .routine : .cannotAssess
}

private func place(_ name: String, in manifest: Manifest) -> Int {
    guard let found = manifest.classes.firstIndex(of: name) else {
        preconditionFailure("'\(name)' is no class of the bundle")
    }
    return found
}
