// GitHub's own parser on workflow files: node parse.mjs NODE_MODULES FILE...; prints what it finds, exits 1.
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { pathToFileURL } from "node:url";

// The package was built for bundlers: it imports JSON without saying so, which node refuses.
const hook = `export const resolve = async (name, context, next) => {
  const found = await next(name, context);
  return found.url.endsWith(".json") ? { ...found, importAttributes: { type: "json" } } : found;
};`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

const [modules, ...files] = process.argv.slice(2);
const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = await import(
  pathToFileURL(`${modules}/@actions/workflow-parser/dist/index.js`)
);
for (const name of files) {
  const trace = new NoOperationTraceWriter();
  const { context, value } = parseWorkflow({ name, content: readFileSync(name, "utf8") }, trace);
  if (value) await convertWorkflowTemplate(context, value);
  for (const error of context.errors.getErrors()) {
    console.log(error.message);
    process.exitCode = 1;
  }
}
