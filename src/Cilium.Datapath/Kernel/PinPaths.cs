using System.Globalization;
using Cilium.Core;

namespace Cilium.Datapath.Kernel;

/// <summary>Where maps and links of a node are pinned; the layout is upstream's.</summary>
/// <param name="bpfRoot">The node's bpffs.</param>
internal sealed class PinPaths(string bpfRoot)
{
    internal string Maps { get; } = $"{bpfRoot}/tc/globals";

    internal string Endpoints { get; } = $"{bpfRoot}/cilium/endpoints";

    internal string Devices { get; } = $"{bpfRoot}/cilium/devices";

    internal string SocketLinks { get; } = $"{bpfRoot}/cilium/socketlb/links/cgroup";

    internal string Map(string name) => $"{Maps}/{name}";

    internal string Endpoint(EndpointId id) => $"{Endpoints}/{id.Value.ToString(CultureInfo.InvariantCulture)}";

    internal string EndpointLink(EndpointId id, string program) => $"{Endpoint(id)}/links/{program}";

    internal string DeviceLink(string device, string program) => $"{Devices}/{device}/links/{program}";

    internal string SocketLink(string program) => $"{SocketLinks}/{program}";

    /// <summary>Removes a folder with the pins in it; what they held ends with them.</summary>
    internal static void RemoveFolder(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}
