// What Python writes into the page, the layers of a network, and what the parts of the page share.

// Values of maps, row after row, or of a flat layer.
export type Values = Float32Array<ArrayBuffer>;
// Maps (C, H, W) or flat values (n).
export type Shape = number[];
// Of rows and of columns.
export type Pair = [number, number];

interface Convolving {
  stride: Pair;
  padding: Pair;
}

interface Pooling {
  size: Pair;
  stride: Pair;
  padding: Pair;
}

type None = Record<string, never>;

// Kinds of layers, each with the numbers that it has beside its weights.
export interface OptionsOf {
  input: None;
  convolution: Convolving & { dilation: Pair; groups: number };
  "transposed convolution": Convolving;
  linear: None;
  normalization: { eps: number };
  affine: None;
  maximum: Pooling;
  average: Pooling;
  repetition: { factor: Pair };
  channels: None;
  padding: { top: number; left: number; mode: "constant" | "replicate" | "reflect"; value: number };
  crop: { start: number[] };
  concatenation: None;
  sum: None;
  difference: None;
  product: None;
  reshape: None;
  "pixel unshuffle": { factor: number };
  "pixel shuffle": { factor: number };
  relu: None;
  "leaky relu": { slope: number };
  sigmoid: None;
  tanh: None;
  clamp: { low: number | null; high: number | null };
}
export type Kind = keyof OptionsOf;

// What it takes to compute a layer, without its weights.
export interface StepOf<K extends Kind> {
  kind: K;
  options: OptionsOf[K];
  shape: Shape;
}
export type Step = { [K in Kind]: StepOf<K> }[Kind];

export type Role = "weight" | "bias" | "mean" | "variance" | "scale" | "shift";
// Where weights lie in the array that holds all of them.
type Place = { start: number; shape: Shape };

// A layer as Python writes it; `inputs` are the places of the layers that it reads.
export type Layer = Step & {
  inputs: number[];
  name: string;
  weights: Partial<Record<Role, Place>>;
  nWeights: number;
};

export interface Graph {
  layers: Layer[];
  code: number | null;
}

export interface Weight {
  values: Values;
  shape: Shape;
}
export type LayerWeights = Partial<Record<Role, Weight>>;

// The weights of a state of the network; those of earlier epochs, and of large networks, come in
// half precision.
export type State = Values | Uint16Array<ArrayBuffer>;

// Layers that are shown as one; `field` is the part of the image that one of their values sees.
export interface Stage {
  title: string;
  layers: number[];
  field: Pair;
}

interface NetworkData extends Graph {
  name: string;
  description: string;
  decodes: boolean;
  hides: boolean;
  nWeights: number;
  nProducts: number;
  stages: Stage[];
}

export type NoiseKind =
  "gaussian" | "salt_and_pepper" | "masking" | "blur" | "poisson" | "poisson_gaussian" | "speckle";

// A noise of the training: levels by the names of the library, those that are ranges by their middle.
export interface OneNoise {
  kind: NoiseKind;
  levels: Record<string, number>;
  ranges: Record<string, Pair>;
  clip: boolean;
}
export interface NoiseOfSeveral {
  kind: "chain";
  models: OneNoise[];
  clip: boolean;
}
export type TrainedNoise = OneNoise | NoiseOfSeveral;

export interface CodesOf<Numbers> {
  mean: Numbers;
  axes: Numbers;
  deviations: number[];
  shares: number[];
  places: Numbers;
  nAxes: number;
  nPoints: number;
  // Least and largest of each number of a short code.
  spread: { low: number[]; high: number[] } | null;
}
export type Codes = CodesOf<Values>;

interface Common {
  halved: boolean;
  title: string;
  version: string;
  // Address of the guide to this page, if the package named one.
  guide: string | null;
  network: NetworkData;
  curves: Record<string, (number | null)[]>;
  // For each stage and map image, row and column of its highest values, one after the other.
  excitement: (number[][] | null)[];
  scores: number[] | null;
  noise: TrainedNoise | null;
  training: "noise" | "plain" | "pairs" | "noisy";
  unitLimits: Pair;
  limits: Pair | null;
  bounded: boolean;
}

interface ImagesData {
  shape: Shape;
  n: number;
  labels: string[] | null;
}

// The JSON of the page; arrays are base64 of their bytes.
export interface Written extends Common {
  weights: string;
  epochs: { epoch: number; weights: string }[];
  images: ImagesData & { values: string };
  copies: { n: number; values: string };
  codes: CodesOf<string> | null;
}

// The same with its arrays unpacked.
export interface Data extends Common {
  size: number;
  states: State[];
  epochs: { epoch: number }[];
  images: ImagesData & { list: Values[] };
  copies: { n: number; list: Values[] };
  codes: Codes | null;
}

// What the network is to compute: from an image, or from the values of the layer `start`.
export interface Job {
  given: Values;
  start?: number;
  state?: number;
  // Faster, without the values of convolutions whose normalisation is folded into them.
  isFolded?: boolean;
  // The last layer alone, which is always computed so.
  onlyOutput?: boolean;
}
export interface Computed {
  values: Values[];
  milliseconds: number;
}
export interface Engine {
  run: (job: Job) => Promise<Computed>;
}

// An image that the reader chose: one of X by its index, or an own one.
export interface Source {
  index?: number;
  clean: Values;
  label?: string;
}

export interface Noise {
  kind: NoiseKind | "chain";
  level: number;
  seed: number;
}

// A kind of noise with the parameter that its slider turns.
export interface NoiseChoice {
  name: string;
  level: string;
  min?: number;
  max: number;
  step: number;
  usual: number;
  says: string;
}

// The value that is taken apart.
export interface Chosen {
  layer: number;
  channel: number | null;
  y: number;
  x: number;
  inputMap: number | null;
}

// What the reader chooses.
export interface Choice {
  source: Source;
  noise: Noise;
  state: number;
}

// The state of the page, and how it is changed.
export interface Core extends Choice {
  data: Data;
  engine: Engine;
  shape: Shape;
  layers: Layer[];
  stages: Stage[];
  // What follows from the choice that is shown; empty until the network has computed once.
  shown: Choice;
  noisy: Values;
  values: Values[];
  denoised: Values;
  psnr: { noisy: number; denoised: number };
  milliseconds: number;
  // Whether `values` has those of every layer.
  hasEveryLayer: boolean;
  // Whether it has to; a part of the page that shows each layer by itself says so.
  needsEveryLayer: () => boolean;
  listen: (listener: (model: Model) => void) => void;
  change: (changes: Partial<Choice>) => void;
  finished: () => Promise<void>;
  denoise: (noisy: Values, state: number) => Promise<Values>;
  seen: (noisy: Values) => Values;
  weights: () => LayerWeights[];
}

// With what the parts of the page add when they start, for others to use.
export interface Model extends Core {
  choose: (source: Source) => void;
  chooseOwn: (clean: Values, label?: string) => void;
  setLevel: (level: number) => void;
  noiseKinds: Record<string, NoiseChoice>;
  openLayer: (layer: number, channel: number | null) => void;
  chosen: Chosen;
}
