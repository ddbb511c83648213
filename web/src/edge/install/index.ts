export { InsecureNotice } from "./InsecureNotice";
export { InstallButton } from "./InstallButton";
export { startInstalling } from "./installing";
export { neverReloadWhile, prepare } from "./isolate";
export { keepOffline, offline, update } from "./offline";
export { OfflineState } from "./OfflineState";
export { Preparing } from "./Preparing";
export { reloadAll } from "./reload";
export { UpdateNotice } from "./UpdateNotice";
