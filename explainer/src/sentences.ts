// What the page says of this network, with its own numbers: sentences in which *word* is a term.

import { count, plural } from "./format";
import { lengthOf } from "./tensor/layers";
import type { Data } from "./types";

type Network = Data["network"];

export function codeLengthOf({ network }: Data): number | null {
  return network.code === null ? null : lengthOf(network.layers[network.code].shape);
}

const hasSkips = ({ layers }: Network) =>
  layers.some(({ kind }) => kind === "concatenation" || kind === "sum");

export function leadSays(data: Data): string {
  const { network, size, training } = data;
  const length = codeLengthOf(data);
  if (!network.decodes || length === null) {
    const how = hasSkips(network)
      ? "It looks at an image at several sizes, hands the fine details past its middle (*skip|skip connections*), and gives back"
      : "Layer by layer it makes maps of what it finds in an image, and at last gives back";
    return `This network has learned to take *noise* off images. ${how} the image without what it takes for noise.`;
  }
  const ratio = size / length;
  const fewer = ratio > 1.25 ? `, ${Number(ratio.toPrecision(2))} times fewer` : "";
  const what = training === "plain" ? "an *autoencoder*" : "a *denoising autoencoder*";
  const why =
    training === "plain"
      ? "What is in every image, it does not have to tell; what it tells is what makes this one."
      : "Little noise gets through, because the network has learned what images look like, and noise looks like none of them.";
  return `This is ${what}. Its *encoder* turns an image of ${count(size)} values into a *code* of ${plural(length, "number")}${fewer}; its *decoder* draws the image again from the code alone. ${why}`;
}

export function wholeSays({ network, halved }: Data): string {
  const middle =
    network.code === null
      ? ""
      : ` In the middle is the *code*${network.decodes ? ": all that the right half knows of the image" : ""}.`;
  const hiding = network.hides
    ? " It was trained on hidden pixels: the denoised image is put together of sixteen passes, in each of which one pixel of sixteen is hidden; the maps are those of a pass over the whole image."
    : "";
  const rounded = halved
    ? " So that the page is not too large, its weights are rounded to half precision: values differ a little from those of the estimator."
    : "";
  return `The image passes through the network. Each little picture is a *feature map*, drawn as large as it is: one sees the image shrink and grow again.${middle} Point at a map to see it large, click it to take it apart.${hiding}${rounded}`;
}

const NOISE_NAMES = {
  chain: "several kinds of *noise*",
  gaussian: "Gaussian *noise*",
  salt_and_pepper: "salt and pepper *noise*",
  masking: "masked pixels",
  blur: "blur",
  poisson: "photon *noise*",
  poisson_gaussian: "sensor *noise*",
  speckle: "speckle *noise*",
};

export function noiseSays({ noise, training }: Data): string {
  const how = {
    plain: "In training, this network saw images without *noise* and had to give them back.",
    pairs: "This network was trained on pairs: noisy images, and what they should look like.",
    noisy: "This network has never seen a clean image: it has learned from noisy ones alone.",
    noise: `In training, this network saw images with ${noise ? NOISE_NAMES[noise.kind] : "*noise* of a kind that this page does not have"} and had to give back the clean ones.`,
  }[training];
  return `${how} Move the level and watch. *PSNR* says how close an image is to the clean one.`;
}

export function codeSays(data: Data): string {
  const length = codeLengthOf(data);
  if (length === null) return "";
  const point = `The *code* of an image is ${plural(length, "number")}, a point in a space of as many dimensions.`;
  return data.network.decodes
    ? `${point} The *decoder* turns any such point into an image, also those that no image has. Move the point, and see what the numbers mean.`
    : `${point} Images that are alike have points close to each other.`;
}
