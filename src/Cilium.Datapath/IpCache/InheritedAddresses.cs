using System.Runtime.CompilerServices;
using Cilium.Bpf;
using Cilium.Core;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.IpCache;

/// <summary>The address table that an earlier agent left.</summary>
internal static class InheritedAddresses
{
    /// <summary>Its rows; none when it is not there, or cannot be read as ours.</summary>
    internal static IReadOnlyList<IpCacheRow> Read(PinPaths paths)
    {
        using var map = BpfPins.OpenMapOrNull(paths.Map("cilium_ipcache"));
        if (map is null || map.Shape.KeyBytes != Unsafe.SizeOf<IpcacheKey>() || map.Shape.ValueBytes != Unsafe.SizeOf<IpcacheValue>())
            return [];
        return
        [
            .. map.As<IpcacheKey, IpcacheValue>().ToDictionary().Select(entry => new IpCacheRow
            {
                Prefix = entry.Key.ToPrefix(),
                Identity = new Identity(entry.Value.Identity),
                TunnelEndpoint = entry.Value.TunnelEndpoint == default ? IpAddr.None : entry.Value.TunnelEndpoint.ToIpAddr(),
            }),
        ];
    }
}
