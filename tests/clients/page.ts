// The page of tests/slow/test_clients.py, as esbuild packs it.
import { createElement, useState } from "react";
import { createRoot } from "react-dom/client";
import "avatar-gen-client/element";
import { UserAvatar } from "avatar-gen-client/react";

const base = new URLSearchParams(location.search).get("base")!;

function App() {
  const [seed, setSeed] = useState("42");
  return createElement("div", null, [
    createElement(UserAvatar, { key: 1, seed, name: "Ada Lovelace", type: "smile", size: 64, base, className: "ada" }),
    createElement(UserAvatar, { key: 2, seed: "x".repeat(257), name: "Grace Hopper", shape: "circle", base, className: "grace" }),
    createElement("button", { key: 3, onClick: () => setSeed("43") }, "Another seed"),
  ]);
}

createRoot(document.getElementById("react")!).render(createElement(App));
