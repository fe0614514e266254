// The words of the page: what each term means and what each layer does, for someone who has never
// seen a network.

import { el } from "./dom";
import { count, sizeOf } from "./format";
import type { Layer, LayerWeights, Shape } from "./types";

// Each term with its name and its explanation.
export const GLOSSARY: Record<string, [string, string]> = {
  autoencoder: [
    "autoencoder",
    "A network that learns to give back what it is given, through a bottleneck that does not let everything pass. To get through, it has to find out what matters in an image.",
  ],
  "denoising autoencoder": [
    "denoising autoencoder",
    "An autoencoder that is given noisy images in training and has to give back the clean ones. Noise cannot be foreseen, so it learns what images look like.",
  ],
  encoder: [
    "encoder",
    "The first half of the network. It turns an image into smaller and smaller maps that say what is where.",
  ],
  decoder: ["decoder", "The second half. It draws an image from the code, growing step by step."],
  code: [
    "code",
    "The numbers in the middle, between encoder and decoder. In an autoencoder all that the decoder knows of an image is its code.",
  ],
  "feature map": [
    "feature map",
    "A picture that a layer makes: bright where it finds what it looks for, such as an edge that rises to the left.",
  ],
  convolution: [
    "convolution",
    "A small window moves over the maps. At each place the values in it are multiplied by fixed weights and added up. The same weights serve all places.",
  ],
  kernel: [
    "kernel",
    "The weights of a convolution for one input map and one output map, a small square of numbers. Training has found them.",
  ],
  weight: [
    "weight",
    "A number that training has found. The network is nothing but its weights and the order in which they are used.",
  ],
  bias: ["bias", "A number that is added to each value of a map, whatever the image."],
  stride: [
    "stride",
    "How far the window moves from one value to the next. With 2, the map becomes half as wide and half as tall.",
  ],
  "max pooling": [
    "max pooling",
    "Of each square of 2 × 2 values only the largest goes on. The map becomes half as wide and half as tall.",
  ],
  "up-sampling": [
    "up-sampling",
    "Makes a map twice as wide and twice as tall, by repeating each value or by a convolution in reverse.",
  ],
  normalisation: [
    "batch normalisation",
    "Shifts and scales each map, so that over the training images it has the mean and the spread that training found best.",
  ],
  ReLU: [
    "ReLU",
    "Lets positive values pass and turns negative ones into zero. Without such a bend, many layers could do no more than one.",
  ],
  sigmoid: ["sigmoid", "Squeezes any number to between 0 and 1, between black and white."],
  skip: [
    "skip connection",
    "Hands maps of the encoder straight to the decoder, past the code, so that fine details are not lost.",
  ],
  residual: ["residual", "What a part of the network adds to what it was given, in place of making it anew."],
  noise: ["noise", "What a camera or a bad line adds to an image by chance."],
  PSNR: [
    "PSNR",
    "Peak signal-to-noise ratio in decibels: how close an image is to the clean one. Higher is closer; 6 dB more is half the error, 20 dB is an error of a tenth of the range from black to white.",
  ],
  epoch: ["epoch", "One pass over all training images."],
  seed: ["seed", "The number that random numbers begin with. The same seed gives the same noise again."],
  "principal axis": [
    "principal axis",
    "A direction among codes. The first is the one in which the codes of these images differ most, the next the one in which they differ most of what is left.",
  ],
  "standard deviation": [
    "standard deviation",
    "How far values usually lie from their mean. Two thirds lie within one, most within two.",
  ],
  "anomaly score": [
    "anomaly score",
    "How badly the network gives an image back without noise. An image unlike those it knows is given back worse.",
  ],
  "field of view": [
    "field of view",
    "The part of the image that one value depends on. It grows from layer to layer.",
  ],
  parameters: ["parameters", "Another word for weights and biases together."],
};

// A term with its explanation, which a pointer, the keyboard and a touch bring up.
export function term(name: string, shown = name): HTMLElement {
  return el("button", { type: "button", class: "term", "data-term": name }, shown);
}

// Text in which *word* or *word|as shown* stands for a term.
export function prose(text: string): (string | HTMLElement)[] {
  return text.split("*").map((part, i) => {
    if (i % 2 === 0) return part;
    const [name, shown] = part.split("|");
    return term(name, shown ?? name);
  });
}

export function glossary(): HTMLElement {
  const entries = Object.values(GLOSSARY).sort(([a], [b]) =>
    a.localeCompare(b, "en", { sensitivity: "base" }),
  );
  return el(
    "dl",
    { class: "glossary" },
    entries.map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text))),
  );
}

// What a layer is called.
const NAMES: Partial<Record<Layer["kind"], string>> = {
  input: "image",
  "transposed convolution": "reverse convolution",
  normalization: "normalisation",
  relu: "ReLU",
  "leaky relu": "leaky ReLU",
  maximum: "max pooling",
  average: "average pooling",
  repetition: "up-sampling",
  concatenation: "join",
  sum: "add",
  difference: "subtract",
  product: "multiply",
  reshape: "reshape",
  channels: "gray to colour",
  affine: "scale",
  linear: "linear layer",
};

export function nameOf(layer: Layer): string {
  if (layer.kind === "convolution" && layer.options.stride[0] > 1)
    return `convolution, stride ${layer.options.stride[0]}`;
  return NAMES[layer.kind] ?? layer.kind;
}

// What a layer does, in a sentence or two with its own numbers.
export function saysOf(layer: Layer, weights: LayerWeights, inputShapes: Shape[]): string {
  const { shape, nWeights } = layer;
  const [input] = inputShapes;
  const kernel = weights.weight?.shape.slice(-2).join(" × ");
  switch (layer.kind) {
    case "convolution":
      return `Each of its ${count(shape[0])} maps is made of ${weights.weight!.shape[1] === 1 ? "one input map" : `all ${count(weights.weight!.shape[1])} input maps`}: over each slides a *kernel* of ${kernel} *weight|weights*, and the results are added up${weights.bias ? ", with a *bias*" : ""}. That makes ${count(nWeights)} weights.${layer.options.stride[0] > 1 ? ` The window moves by ${layer.options.stride[0]} (the *stride*), so the maps come out smaller.` : ""}`;
    case "transposed convolution":
      return `A *convolution* in reverse: each value of ${count(input[0])} maps is painted as a *kernel* of ${kernel} pixels, ${layer.options.stride[0]} pixels from the next, so that the maps become ${layer.options.stride[0]} times as large.`;
    case "linear":
      return `Each of its ${count(shape[0])} values is a sum of all ${count(input[0])} values before it, each times a *weight* of its own: ${count(nWeights)} weights.`;
    case "normalization":
      return "Batch *normalisation* shifts and scales each map by four numbers that training has found, so that the next layer always meets values of about the same size.";
    case "relu":
      return "*ReLU* keeps what is positive and turns what is negative into zero: found, or not found.";
    case "leaky relu":
      return `Like *ReLU*, but what is negative becomes ${layer.options.slope} of itself.`;
    case "sigmoid":
      return "The *sigmoid* squeezes each value to between 0, black, and 1, white: the maps become an image.";
    case "tanh":
      return "Squeezes each value to between −1 and 1.";
    case "clamp":
      return "Cuts off what lies beyond its limits.";
    case "maximum":
      return `*max pooling|Max pooling* looks at squares of ${layer.options.size.join(" × ")} values and keeps the largest of each: where exactly something was found matters less than that it was.`;
    case "average":
      return `Keeps the mean of each square of ${layer.options.size.join(" × ")} values.`;
    case "repetition":
      return `*up-sampling|Up-sampling* repeats each value ${layer.options.factor.join(" × ")} times: the maps grow, and the next convolution smooths them.`;
    case "concatenation":
      return `A *skip|skip connection*: maps of the *encoder*, with their fine details, join those of the *decoder*: ${inputShapes.map(sizeOf).join(" and ")}.`;
    case "sum":
      return "Adds two layers value by value. What the layers between them made is a *residual*: the network only has to learn what to change.";
    case "crop":
      return "Cuts the maps to the size that they have to have; doubling had made them a pixel too large.";
    case "padding":
      return "Repeats the border until the sides can be halved often enough.";
    case "pixel unshuffle":
      return `Puts each square of ${layer.options.factor} × ${layer.options.factor} pixels into ${layer.options.factor ** 2} maps of one pixel: half as wide and tall, nothing lost.`;
    case "pixel shuffle":
      return `Puts ${layer.options.factor ** 2} maps together again, as the pixels of squares of ${layer.options.factor} × ${layer.options.factor}.`;
    case "reshape":
      return "Puts the same values in another order: maps into one long list, or back.";
    case "affine":
      return "Multiplies each map by a fixed number and adds another.";
    case "channels":
      return "Repeats the gray image as red, green and blue, which the encoder was made for.";
    default:
      return "";
  }
}
