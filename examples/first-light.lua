local ramds = L4.Env.user_factory:create(L4.Proto.Dataspace, 60 * 1024 * 1024)
L4.default_loader:startv({caps = {ram = ramds:m("rw")}}, "rom/uvmm")
