import { SettingsPage } from "@/components/settings/settings-page";

export default SettingsPage;
