/**
 * Starts GraphiQL, in the browser. GraphiQL keeps its tabs from visit to visit, and with them ids of batches that
 * are long gone; so the examples are always those that came with this page, and what the visitor wrote is put
 * back beside them.
 */
const { workers, tabs: examples, graphiql } = JSON.parse(document.getElementById('settings').textContent);
self.MonacoEnvironment = { globalAPI: false, getWorkerUrl: (_module, label) => workers[label] };

/** A shelf of our own: other services at this address may have a GraphiQL, too. */
const storage = {
  getItem: (key) => localStorage.getItem(`batchql:${key}`),
  setItem: (key, value) => localStorage.setItem(`batchql:${key}`, value),
  removeItem: (key) => localStorage.removeItem(`batchql:${key}`),
  clear() {
    for (const key of Object.keys(localStorage)) if (key.startsWith('batchql:')) localStorage.removeItem(key);
  },
};

const { tabs: before, activeTabIndex } = stored('graphiql:tabState') ?? { tabs: [], activeTabIndex: 0 };
const examplesBefore = stored('examples') ?? [];
const tabs = [
  ...examples.map(asTab),
  ...before.filter(({ query }) => query && !examplesBefore.includes(query)),
];
const last = before[activeTabIndex];
const active =
  tabs.find(({ query }) => query === last?.query) ??
  tabs.find(({ title }) => title === last?.title) ??
  tabs[0];
storage.setItem('examples', JSON.stringify(examples.map(({ query }) => query)));
storage.setItem('graphiql:tabState', JSON.stringify({ tabs, activeTabIndex: tabs.indexOf(active) }));

// An operation in the page's address becomes a tab of its own; else what is in a tab tells which one to show.
const linked = new URLSearchParams(location.search).get('query');
YogaGraphiQL.renderYogaGraphiQL(document.getElementById('root'), {
  ...graphiql,
  storage,
  initialQuery: linked ?? active.query,
  initialVariables: linked === null ? active.variables : '',
  // Left out, every keystroke would change the page's address.
  onEditQuery() {},
});

function stored(key) {
  return JSON.parse(storage.getItem(key));
}

/** A tab in the form in which GraphiQL stores it. */
function asTab({ query, variables }, index) {
  const title = /^(?:query|mutation|subscription) (\w+)/m.exec(query)[1];
  return {
    id: `example-${index}`,
    title,
    operationName: title,
    query,
    variables,
    headers: null,
    response: null,
  };
}
