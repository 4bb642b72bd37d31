using System.Collections.Concurrent;
using System.Reflection;
using Cilium.Bpf;
using Microsoft.Extensions.Logging;

namespace Cilium.Datapath.Kernel;

/// <summary>Loads the shipped objects: constants written, maps shared by name with pins of an earlier agent where they are equal.</summary>
internal sealed partial class DatapathLoader(DatapathOptions options, ILogger logger)
{
    private const string ResourcePrefix = "bpf/";
    private const string FirstResource = "bpf/sock.bpf.o";
    private readonly PinPaths _paths = new(options.BpfRoot);

    internal LoadedDatapath Load(DatapathConstants constants)
    {
        BpfFileSystem.EnsureMounted(options.BpfRoot);
        var maps = new Dictionary<string, BpfMap>();
        var programs = new ConcurrentDictionary<string, BpfProgram>();

        // 1. Every object declares every map: the first, the cheapest to verify, brings them into being.
        var resources = Resources().OrderBy(name => name == FirstResource ? 0 : 1).ToList();
        LoadOne(resources[0], constants, maps, programs);

        // 2. The others share the maps and are verified side by side.
        Parallel.ForEach(resources.Skip(1), resource => LoadOne(resource, constants, maps, programs));
        return new LoadedDatapath(new DatapathMaps(name => maps[name]), programs);
    }

    /// <summary>Creates and pins the maps that are not there yet, so that a later load finds them. No program is loaded.</summary>
    internal void EnsureMaps()
    {
        BpfFileSystem.EnsureMounted(options.BpfRoot);
        using var obj = Open(FirstResource);
        foreach (var program in obj.Programs)
            obj.SetAutoload(program.Name, load: false);
        var maps = new Dictionary<string, BpfMap>();
        LoadMaps(obj, FirstResource, maps);
        foreach (var map in maps.Values)
            map.Dispose();
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

    private void LoadOne(
        string resource, DatapathConstants constants, Dictionary<string, BpfMap> maps, ConcurrentDictionary<string, BpfProgram> programs)
    {
        using var obj = Open(resource);
        constants.WriteTo(obj);
        LoadMaps(obj, resource, maps);
        foreach (var program in obj.Programs)
            programs[program.Name] = obj.Program(program.Name);
    }

    // Loads an object after the maps that exist were given to it, and pins those it made.
    private void LoadMaps(BpfObject obj, string resource, Dictionary<string, BpfMap> maps)
    {
        var created = new List<string>();
        foreach (var map in SharedMaps(obj))
        {
            if (Capacity(map.Name) is { } capacity)
                obj.SetMaxEntries(map.Name, capacity);
            if ((maps.GetValueOrDefault(map.Name) ?? Adopt(map.Name, obj.ShapeOf(map.Name))) is { } existing)
                obj.ReuseMap(map.Name, resource == FirstResource ? maps[map.Name] = existing : existing);
            else
                created.Add(map.Name);
        }
        if (resource != FirstResource && created.Count > 0)
            throw new InvalidOperationException($"{resource} declares maps that {FirstResource} lacks: {string.Join(' ', created)}");
        obj.Load();
        foreach (var name in created)
        {
            maps[name] = obj.Map(name);
            BpfPins.Pin(maps[name].Fd, _paths.Map(name));
        }
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
