// Two network namespaces joined by a veth pair, made and removed without calling ip(8). Needs root.
using System.Net;
using System.Net.NetworkInformation;
using Cilium.Netlink;

using var left = NetworkNamespace.Create("cnx-left");
using var right = NetworkNamespace.Create("cnx-right");
try
{
    using (var links = RouteNetlink.Open(left))
    {
        links.CreateVeth(
            new LinkSettings { Name = "eth0", IsUp = true },
            new LinkSettings { Name = "eth0", Namespace = right });
        links.AddAddress(new InterfaceAddress(links.FindLink("eth0")!.Index, IPAddress.Parse("10.5.0.1"), 24));
    }

    using (var links = RouteNetlink.Open(right))
    {
        links.ChangeLink(links.FindLink("eth0")!.Index, new LinkSettings { IsUp = true });
        links.AddAddress(new InterfaceAddress(links.FindLink("eth0")!.Index, IPAddress.Parse("10.5.0.2"), 24));
    }

    // A namespace belongs to a thread: Run starts one, so that nothing else ever wakes up in the wrong namespace.
    var reply = left.Run(() => new Ping().Send("10.5.0.2", 1000));
    Console.WriteLine($"ping 10.5.0.2: {reply.Status}");
    return reply.Status == IPStatus.Success ? 0 : 1;
}
finally
{
    NetworkNamespace.Delete("cnx-left");
    NetworkNamespace.Delete("cnx-right");
}
