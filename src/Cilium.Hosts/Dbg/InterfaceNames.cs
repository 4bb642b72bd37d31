using Cilium.Netlink;

namespace Cilium.Hosts.Dbg;

/// <summary>Names of the node's devices. An index is asked for once.</summary>
internal sealed class InterfaceNames
{
    private readonly Dictionary<int, string> _names = [];

    public string Of(int index)
    {
        if (index == 0)
        {
            return "";
        }

        if (!_names.TryGetValue(index, out var name))
        {
            using var netlink = RouteNetlink.Open();
            _names[index] = name = netlink.FindLink(index)?.Name ?? "";
        }

        return name;
    }
}
