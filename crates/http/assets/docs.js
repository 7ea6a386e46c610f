// Shows the server's own OpenAPI document. Nothing is asked of anybody else: no validator, no fonts.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "none",
  persistAuthorization: false,
  validatorUrl: null,
});
