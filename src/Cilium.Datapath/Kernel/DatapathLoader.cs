using System.Collections.Concurrent;
using System.Reflection;
using Cilium.Bpf;
using Cilium.Datapath.Policies;

namespace Cilium.Datapath.Kernel;

/// <summary>Loads the shipped objects on an engine: constants written, maps shared by name, also with those of an earlier agent where they are equal.</summary>
/// <param name="options">Capacities.</param>
/// <param name="engine">Where programs and maps live.</param>
/// <param name="earlier">Maps of an earlier agent, and where those of this one are kept.</param>
internal sealed class DatapathLoader(DatapathOptions options, BpfEngine engine, IMapKeeper earlier)
{
    private const string ResourcePrefix = "bpf/";
    private const string FirstResource = "bpf/sock.bpf.o";

    internal LoadedDatapath Load(DatapathConstants constants)
    {
        var maps = new Dictionary<string, BpfMap>();
        var programs = new ConcurrentDictionary<string, BpfProgram>();

        // 1. Every object declares every map: the first, the cheapest to verify, brings them into being.
        var resources = Resources().OrderBy(name => name == FirstResource ? 0 : 1).ToList();
        LoadOne(resources[0], constants, maps, programs);

        // 2. The others share the maps, and the kernel verifies them side by side. Elsewhere there is no verifier to wait for, and in one order
        // engines give their maps the same numbers, so that they can have code in common.
        if (engine == BpfEngine.Kernel)
        {
            LoadSideBySide(resources.Skip(1), resource => LoadOne(resource, constants, maps, programs));
        }
        else
        {
            foreach (var resource in resources.Skip(1))
                LoadOne(resource, constants, maps, programs);
        }
        return new LoadedDatapath(new DatapathMaps(name => maps[name]), programs);
    }

    // On threads of their own: the verifier takes its time, and the pool has no more threads than the machine processors. Those read lists meanwhile.
    private static void LoadSideBySide(IEnumerable<string> resources, Action<string> load)
    {
        var waiting = new ConcurrentQueue<string>(resources);
        var threads = Enumerable.Range(0, Math.Min(Environment.ProcessorCount, waiting.Count)).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (waiting.TryDequeue(out var resource))
                    load(resource);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default));
        Task.WaitAll(threads.ToArray());
    }

    /// <summary>
    /// Creates and keeps the maps that are not there yet, so that a later load finds them, but for maps of connections: the kernel fills these when it
    /// makes them, which takes as long as all else of a load. No program is loaded.
    /// </summary>
    internal void EnsureMapsWithoutConnections()
    {
        using var obj = Open(FirstResource, engine);
        foreach (var program in obj.Programs)
            obj.SetAutoload(program.Name, load: false);
        var maps = new Dictionary<string, BpfMap>();
        LoadMaps(obj, FirstResource, maps, shape => shape.Type != MapType.LruHash);
        foreach (var map in maps.Values)
            map.Dispose();
    }

    /// <summary>Names of the shipped objects.</summary>
    internal static IEnumerable<string> Resources() =>
        Assembly.GetExecutingAssembly().GetManifestResourceNames()
            .Where(name => name.StartsWith(ResourcePrefix, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);

    /// <summary>Opens a shipped object for an engine, the kernel's when none is given; nothing is asked of the kernel.</summary>
    internal static BpfObject Open(string resource, BpfEngine? engine = null)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return BpfObject.Open(Path.GetFileNameWithoutExtension(resource[ResourcePrefix.Length..]).Replace('.', '_'), bytes, engine ?? BpfEngine.Kernel);
    }

    /// <summary>What compiled policies look like.</summary>
    internal static MapShape InnerPolicyShape(BpfEngine? engine = null)
    {
        using var obj = Open(Resources().First(), engine);
        return obj.Maps.Single(map => map.Name == "cilium_policy").Inner
            ?? throw new InvalidOperationException("cilium_policy declares no inner map");
    }

    private void LoadOne(
        string resource, DatapathConstants constants, Dictionary<string, BpfMap> maps, ConcurrentDictionary<string, BpfProgram> programs)
    {
        using var obj = Open(resource, engine);
        constants.WriteTo(obj);
        LoadMaps(obj, resource, maps);
        foreach (var program in obj.Programs)
            programs[program.Name] = obj.Program(program.Name);
    }

    // Loads an object after the maps that exist were given to it, and pins those it made.
    private void LoadMaps(BpfObject obj, string resource, Dictionary<string, BpfMap> maps, Func<MapShape, bool>? isWanted = null)
    {
        var created = new List<string>();
        foreach (var map in SharedMaps(obj))
        {
            if (isWanted?.Invoke(obj.ShapeOf(map.Name)) == false)
            {
                // An object makes all its maps: this one is small, and goes with the object.
                obj.SetMaxEntries(map.Name, 1);
                continue;
            }
            if (Capacity(map.Name) is { } capacity)
                obj.SetMaxEntries(map.Name, capacity);
            if ((maps.GetValueOrDefault(map.Name) ?? earlier.Find(map.Name, obj.ShapeOf(map.Name))) is { } existing)
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
            earlier.Keep(name, maps[name]);
        }
    }

    private static IEnumerable<MapDeclaration> SharedMaps(BpfObject obj) => obj.Maps.Where(map => !map.IsInternal);

    private uint? Capacity(string map) => map switch
    {
        "cilium_policy_stats" => PolicyStatistics.Counters * (uint)engine.Cpus,
        "cilium_ct" => options.ConntrackEntries,
        "cilium_snat" => options.SnatEntries,
        "cilium_lb_sk_rev" => options.SocketRevNatEntries,
        "cilium_lb_sk_recent" => options.SocketSlots,
        "cilium_lb_frontends" or "cilium_lb_backends" or "cilium_lb_revnat" => options.LoadBalancingEntries,
        "cilium_lb_slots" => options.LoadBalancingEntries * 4,
        _ => null,
    };
}
