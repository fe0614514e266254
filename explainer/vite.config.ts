import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { build, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

// Readable, so that a change of a line is a change of a line in the page that is kept.
const READABLE = { target: "es2022", minify: false, modulePreload: false } as const;
// What is of others is not read there: it is made small, with its licence on top.
const D3 = resolve("src/d3.ts");

export default defineConfig({
  build: {
    ...READABLE,
    outDir: "../sklearn_cae/explain",
    emptyOutDir: false,
    rolldownOptions: {
      input: "src/main.ts",
      external: [D3],
      output: { format: "iife", globals: { [D3]: "d3" } },
    },
  },
  plugins: [onePage()],
  test: { include: ["tests/**/*.test.ts"] },
});

// Scripts and styles in one file, for a page from a file may not load modules. Python puts title and
// data in their places.
function onePage(): Plugin {
  return {
    name: "one-page",
    apply: "build",
    async generateBundle(_, bundle) {
      const licence = readFileSync("node_modules/d3-scale/LICENSE", "utf-8");
      const parts: Record<string, string> = {
        style: readFileSync("src/style.css", "utf-8").trim(),
        worker: await joined("src/worker.ts"),
        d3: `/* D3 (d3js.org)\n${licence}*/\n${await joined(D3, { name: "d3", minify: true })}`,
      };
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") parts["script"] = file.code.trim();
        delete bundle[name];
      }
      const source = readFileSync("page.html", "utf-8").replace(
        /\{\{(style|worker|d3|script)\}\}/g,
        (_place, name: string) => parts[name],
      );
      this.emitFile({ type: "asset", fileName: "page.html", source });
    },
  };
}

// A module and all that it imports as one script.
async function joined(input: string, output: { name?: string; minify?: boolean } = {}): Promise<string> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    build: {
      ...READABLE,
      write: false,
      rolldownOptions: { input, preserveEntrySignatures: "strict", output: { format: "iife", ...output } },
    },
  });
  const [built] = [result].flat();
  if (!("output" in built)) throw new Error(`The build of ${input} gave nothing.`);
  return built.output[0].code.trim();
}
