import { ListPage } from "@/components/list-page";

export default ListPage;
