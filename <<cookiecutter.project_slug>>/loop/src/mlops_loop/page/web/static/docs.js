// Shows the OpenAPI document with Swagger UI, from files of this server only.
window.SwaggerUIBundle({
  dom_id: "#api",
  url: "openapi.json",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
