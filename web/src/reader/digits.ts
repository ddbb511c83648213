// Numbers as Python writes them.

/** `format(value, ".9g")`: nine significant digits give every float32 back; a tie goes to the even digit. */
export function nineDigits(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  const [digits, exponent] = rounded(Math.abs(value));
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const kept = digits.replace(/0+$/, "") || "0";
  if (exponent < -4 || exponent >= 9) {
    const power = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${kept[0]}${kept.length > 1 ? "." : ""}${kept.slice(1)}e${exponent < 0 ? "-" : "+"}${power}`;
  }
  if (exponent < 0) return kept === "0" ? `${sign}0` : `${sign}0.${"0".repeat(-exponent - 1)}${kept}`;
  const whole = kept.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const rest = kept.slice(exponent + 1);
  return `${sign}${whole}${rest && "."}${rest}`;
}

/** Nine digits and the power of ten of the first. */
function rounded(value: number): [string, number] {
  const exact = value.toExponential(60);
  const isTie = /^\d\.\d{8}50+e/.test(exact);
  const text = isTie && Number(exact[9]) % 2 === 0 ? exact : value.toExponential(8);
  const [digits = "0", power = "0"] = text.split("e");
  return [digits.replace(".", "").slice(0, 9), Number(power)];
}
