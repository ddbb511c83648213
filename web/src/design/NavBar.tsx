import { Icon, type IconName } from "./Icon";
import "./NavBar.css";

export interface NavItem {
  href: string;
  icon: IconName;
  label: string;
  current: boolean;
}

/** The places of an app: at the foot of a phone, at the head of a desktop. */
export function NavBar({ label, items }: { label: string; items: readonly NavItem[] }) {
  return (
    <nav class="nav-bar" aria-label={label}>
      <ul>
        {items.map((item) => (
          <li key={item.label}>
            <a href={item.href} aria-current={item.current ? "page" : undefined}>
              <Icon name={item.icon} size={22} />
              <span>{item.label}</span>
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
