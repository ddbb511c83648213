export const design = {
  skip: "Skip to the content",
  places: "Places",
  close: "Close",
  of: (bundle: string) => `Reader ${bundle}`,
};
