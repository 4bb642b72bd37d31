using System.Reflection;
using Cilium.Bpf;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Kernel;

/// <summary>Loads the shipped objects: constants written, maps shared by name with pins of an earlier agent where they are equal.</summary>
internal sealed partial class DatapathLoader(DatapathOptions options, ILogger logger)
{
    private const string ResourcePrefix = "bpf/";
    private readonly PinPaths _paths = new(options.BpfRoot);

    internal LoadedDatapath Load(DatapathConstants constants)
    {
        BpfFileSystem.EnsureMounted(options.BpfRoot);
        var shared = new Dictionary<string, BpfMap>();
        var programs = new Dictionary<string, BpfProgram>();
        foreach (var resource in Resources())
        {
            using var obj = Open(resource);
            constants.WriteTo(obj);
            foreach (var map in SharedMaps(obj))
            {
                if (Capacity(map.Name) is { } capacity)
                    obj.SetMaxEntries(map.Name, capacity);
                if (!shared.TryGetValue(map.Name, out var existing) && Adopt(map.Name, obj.ShapeOf(map.Name)) is { } adopted)
                    shared[map.Name] = existing = adopted;
                if (existing is not null)
                    obj.ReuseMap(map.Name, existing);
            }
            obj.Load();
            foreach (var map in SharedMaps(obj).Where(map => !shared.ContainsKey(map.Name)))
            {
                var created = shared[map.Name] = obj.Map(map.Name);
                BpfPins.Pin(created.Fd, _paths.Map(map.Name));
            }
            foreach (var program in obj.Programs)
                programs[program.Name] = obj.Program(program.Name);
        }
        return new LoadedDatapath(new DatapathMaps(name => shared[name]), programs);
    }

    /// <summary>Names of the shipped objects.</summary>
    internal static IEnumerable<string> Resources() =>
        Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    /// <summary>Opens a shipped object; nothing is asked of the kernel.</summary>
    internal static BpfObject Open(string resource)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return BpfObject.Open(Path.GetFileNameWithoutExtension(resource[ResourcePrefix.Length..]).Replace('.', '_'), bytes);
    }

    private static IEnumerable<MapDeclaration> SharedMaps(BpfObject obj) => obj.Maps.Where(map => !map.IsInternal);

    private uint? Capacity(string map) => map switch
    {
        "cilium_ct" or "cilium_snat" => options.ConntrackEntries,
        "cilium_lb_frontends" or "cilium_lb_backends" or "cilium_lb_revnat" => options.LoadBalancingEntries,
        "cilium_lb_slots" => options.LoadBalancingEntries * 4,
        _ => null,
    };

    private BpfMap? Adopt(string name, MapShape declared)
    {
        switch (BpfPins.TryAdopt(_paths.Map(name), declared, out var map, out var found))
        {
            case PinnedMap.Equal:
                return map;
            case PinnedMap.Different:
                LogRecreated(logger, name, $"{found}", $"{declared}");
                return null;
            default:
                return null;
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Map {Map} is pinned as {Found} but declared as {Declared}: it is created anew and its entries are lost")]
    private static partial void LogRecreated(ILogger logger, string map, string found, string declared);
}
