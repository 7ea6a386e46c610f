// The CloudEvents SDK for JavaScript: a batch in structured form, as the body of a message.
import { HTTP } from "cloudevents";

const seen = { ids: [], types: [], data: [], failures: [] };
const message = {
  headers: { "content-type": "application/cloudevents-batch+json" },
  body: process.argv[2],
};
for (const event of HTTP.toEvent(message)) {
  try {
    // It validates the event by the specification, and throws.
    event.validate();
  } catch (error) {
    seen.failures.push(String(error));
  }
  seen.ids.push(event.id);
  seen.types.push(event.type);
  seen.data.push(event.data);
}
console.log(JSON.stringify(seen));
