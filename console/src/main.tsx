import { render } from "preact";
import "./styles/index.css";
import { start } from "./api/index.js";
import { App } from "./app.js";

render(<App />, document.body);
start();
