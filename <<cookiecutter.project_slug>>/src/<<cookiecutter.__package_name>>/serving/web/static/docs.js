// Shows the OpenAPI document with Swagger UI, from files of this server only.
"use strict";

window.SwaggerUIBundle({
  dom_id: "#api",
  url: "openapi.json",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
