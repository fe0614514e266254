// What the page takes of D3. It is built by itself, made small, and stands in a script of its own.

export { bin, extent, least, max, quantile, range, sort, variance } from "d3-array";
export { format } from "d3-format";
export { interpolateRgb, piecewise, quantize } from "d3-interpolate";
export { randomNormal, randomPoisson } from "d3-random";
export { scaleLinear } from "d3-scale";
