import { AddPage } from "@/components/add-page";

export default AddPage;
