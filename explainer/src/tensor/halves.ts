import type { Values } from "../types";

// Numbers of 16 bits (one sign, five of the exponent, ten of the fraction) as floats.
export function halves(bits: Uint16Array): Values {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) {
    const [sign, exponent, fraction] = [bits[i] >> 15, (bits[i] >> 10) & 31, bits[i] & 1023];
    const size =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent === 31
          ? fraction
            ? NaN
            : Infinity
          : (1 + fraction / 1024) * 2 ** (exponent - 15);
    values[i] = sign ? -size : size;
  }
  return values;
}
