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

    internal string DeviceLink(string folder, string program) => $"{Devices}/{folder}/links/{program}";

    internal string SocketLink(string program) => $"{SocketLinks}/{program}";

    /// <summary>
    /// The folders of devices by name. A bpffs refuses names with dots, as VLANs have them; upstream writes dashes. Where that is another device's
    /// folder too, colons are written, which no device's name has.
    /// </summary>
    internal static IReadOnlyDictionary<string, string> DeviceFolders(IReadOnlyCollection<string> devices) => devices.ToDictionary(
        device => device,
        device => Dashed(device) != device && devices.Any(other => other != device && Dashed(other) == Dashed(device)) ? device.Replace('.', ':') : Dashed(device));

    private static string Dashed(string device) => device.Replace('.', '-');

    /// <summary>Removes a folder with the pins in it; what they held ends with them.</summary>
    internal static void RemoveFolder(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }
}
