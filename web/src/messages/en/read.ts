export const read = {
  title: "Read",
  start: "Read a photograph",
};
