using System.Runtime.InteropServices;
using System.Text;
using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>
/// A compiled object (ELF with BTF): open, set constants and capacities, share maps, load, take programs and maps. What was taken
/// has its own descriptor and outlives the object. Not safe for use from many threads.
/// </summary>
public sealed unsafe class BpfObject : IDisposable
{
    private const string ConstantsSection = ".rodata";

    private readonly Dictionary<string, nint> _maps = [];
    private readonly Dictionary<string, nint> _programs = [];
    private readonly Dictionary<string, BtfVariable> _constants = [];
    private nint _object;
    private bool _isLoaded;

    private BpfObject(string name, nint obj)
    {
        Name = name;
        _object = obj;
        uint length = 0;
        var raw = LibBpf.bpf_object__btf(obj) is var btf and not 0 ? LibBpf.btf__raw_data(btf, &length) : null;
        Btf = Btf.TryParse(new ReadOnlySpan<byte>(raw, (int)length), out var parsed) ? parsed : Btf.Empty;
        foreach (var constant in Btf.Variables(ConstantsSection))
            _constants[constant.Name] = constant;
        var maps = new List<MapDeclaration>();
        for (var map = LibBpf.bpf_object__next_map(obj, 0); map != 0; map = LibBpf.bpf_object__next_map(obj, map))
        {
            var declaration = MapDeclaration.Read(map);
            maps.Add(declaration);
            _maps[declaration.Name] = map;
        }
        var programs = new List<ProgramDeclaration>();
        for (var program = LibBpf.bpf_object__next_program(obj, 0); program != 0; program = LibBpf.bpf_object__next_program(obj, program))
        {
            var declaration = ProgramDeclaration.Read(program);
            programs.Add(declaration);
            _programs[declaration.Name] = program;
        }
        Maps = maps;
        Programs = programs;
    }

    /// <summary>The name given when opened, for messages.</summary>
    public string Name { get; }

    /// <summary>The object's types, with the offsets of its variables.</summary>
    public Btf Btf { get; }

    /// <summary>Maps as declared in C, the sections of variables included.</summary>
    public IReadOnlyList<MapDeclaration> Maps { get; }

    /// <summary>Programs as declared in C.</summary>
    public IReadOnlyList<ProgramDeclaration> Programs { get; }

    /// <summary>The <c>const volatile</c> variables that can be set before the load.</summary>
    public IReadOnlyCollection<BtfVariable> Constants => _constants.Values;

    /// <summary>Parses an object; the kernel is not asked and no privilege is needed.</summary>
    /// <exception cref="ArgumentException">The bytes are not a usable object; the message has libbpf's reasons.</exception>
    public static BpfObject Open(string name, ReadOnlySpan<byte> elf)
    {
        using var log = LibBpfLog.Capture();
        fixed (byte* buffer = elf)
        fixed (byte* nameText = Encoding.UTF8.GetBytes(name + "\0"))
        {
            var options = new LibBpf.ObjectOpenOptions { Size = (nuint)sizeof(LibBpf.ObjectOpenOptions), ObjectName = nameText };
            var obj = LibBpf.bpf_object__open_mem(buffer, (nuint)elf.Length, &options);
            return obj != 0 ? new BpfObject(name, obj) : throw new ArgumentException($"{name} is not a BPF object: {log.Text.Trim()}");
        }
    }

    /// <summary>Sets a <c>const volatile</c> variable before the load; it is frozen by it and the verifier removes what it switches off.</summary>
    /// <exception cref="ArgumentException">There is no such variable, or its size differs.</exception>
    public void SetConstant<T>(string variable, in T value)
        where T : unmanaged
    {
        if (!TrySetConstant(variable, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value))))
            throw new ArgumentException($"{Name} has no constant {variable}");
    }

    /// <summary>Sets a constant to bytes as they lie in memory. Returns false when the object has none of that name.</summary>
    /// <exception cref="ArgumentException">Its size differs.</exception>
    public bool TrySetConstant(string variable, ReadOnlySpan<byte> bytes)
    {
        BeforeLoad();
        if (!_constants.TryGetValue(variable, out var place))
            return false;
        if (place.Size != bytes.Length)
            throw new ArgumentException($"constant {variable} of {Name} has {place.Size} bytes; {bytes.Length} were given");
        bytes.CopyTo(ConstantBytes().Slice(place.Offset, place.Size));
        return true;
    }

    /// <summary>The bytes of a constant as they are now.</summary>
    /// <exception cref="ArgumentException">There is no such variable.</exception>
    public byte[] GetConstant(string variable)
    {
        BeforeLoad();
        if (!_constants.TryGetValue(variable, out var place))
            throw new ArgumentException($"{Name} has no constant {variable}");
        return ConstantBytes().Slice(place.Offset, place.Size).ToArray();
    }

    /// <summary>Sets a map's capacity before the load.</summary>
    public void SetMaxEntries(string map, uint maxEntries)
    {
        BeforeLoad();
        Check(LibBpf.bpf_map__set_max_entries(MapPointer(map), maxEntries), "bpf_map__set_max_entries", map);
    }

    /// <summary>Uses an existing map for a declared one, instead of creating it.</summary>
    /// <exception cref="KernelException">The kernel's map differs from the declaration.</exception>
    public void ReuseMap(string map, BpfMap existing)
    {
        BeforeLoad();
        using var log = LibBpfLog.Capture();
        Check(LibBpf.bpf_map__reuse_fd(MapPointer(map), existing.Fd.Number), "bpf_map__reuse_fd", map);
        GC.KeepAlive(existing);
    }

    /// <summary>The shape of a declared map, with a capacity set meanwhile.</summary>
    public MapShape ShapeOf(string map) => MapDeclaration.Read(MapPointer(map)).Shape;

    /// <summary>Leaves a program out of the load, or takes it in again.</summary>
    public void SetAutoload(string program, bool load)
    {
        BeforeLoad();
        Check(LibBpf.bpf_program__set_autoload(ProgramPointer(program), load ? (byte)1 : (byte)0), "bpf_program__set_autoload", program);
    }

    /// <summary>Creates the maps and loads the programs.</summary>
    /// <exception cref="VerifierException">The kernel refused; the exception keeps the log.</exception>
    public void Load()
    {
        BeforeLoad();
        using var log = LibBpfLog.Capture();
        // Pinning is the caller's affair: libbpf would adopt whatever lies under the declared name.
        foreach (var map in _maps.Values)
            _ = LibBpf.bpf_map__set_pin_path(map, null);
        var result = LibBpf.bpf_object__load(_object);
        if (result < 0)
            throw new VerifierException(-result, Name, log.Text);
        _isLoaded = true;
    }

    /// <summary>A map of the loaded object, with its own descriptor.</summary>
    public BpfMap Map(string name)
    {
        AfterLoad();
        return new BpfMap(BpfFd.Duplicate(LibBpf.bpf_map__fd(MapPointer(name)), name), name);
    }

    /// <summary>A typed map of the loaded object, with its own descriptor.</summary>
    public BpfMap<TKey, TValue> Map<TKey, TValue>(string name)
        where TKey : unmanaged
        where TValue : unmanaged => Map(name).As<TKey, TValue>();

    /// <summary>A program of the loaded object, with its own descriptor.</summary>
    public BpfProgram Program(string name)
    {
        AfterLoad();
        return new BpfProgram(BpfFd.Duplicate(LibBpf.bpf_program__fd(ProgramPointer(name)), name), name);
    }

    /// <summary>Whether the object declares a map of this name.</summary>
    public bool HasMap(string name) => _maps.ContainsKey(name);

    /// <summary>Whether the object has a program of this name.</summary>
    public bool HasProgram(string name) => _programs.ContainsKey(name);

    /// <summary>Closes the object; maps and programs taken from it stay open.</summary>
    public void Dispose()
    {
        var obj = Interlocked.Exchange(ref _object, 0);
        if (obj != 0)
            LibBpf.bpf_object__close(obj);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes a forgotten object.</summary>
    ~BpfObject()
    {
        if (_object != 0)
            LibBpf.bpf_object__close(_object);
    }

    private nint MapPointer(string name) =>
        _maps.TryGetValue(name, out var map) ? map : throw new ArgumentException($"{Name} has no map {name}");

    private nint ProgramPointer(string name) =>
        _programs.TryGetValue(name, out var program) ? program : throw new ArgumentException($"{Name} has no program {name}");

    private Span<byte> ConstantBytes()
    {
        foreach (var (name, map) in _maps)
        {
            if (LibBpf.bpf_map__is_internal(map) == 0 || !name.EndsWith(ConstantsSection, StringComparison.Ordinal))
                continue;
            nuint size;
            var bytes = LibBpf.bpf_map__initial_value(map, &size);
            return new Span<byte>(bytes, (int)size);
        }
        return default;
    }

    private void BeforeLoad()
    {
        ObjectDisposedException.ThrowIf(_object == 0, this);
        if (_isLoaded)
            throw new InvalidOperationException($"{Name} is loaded already");
    }

    private void AfterLoad()
    {
        ObjectDisposedException.ThrowIf(_object == 0, this);
        if (!_isLoaded)
            throw new InvalidOperationException($"{Name} is not loaded");
    }

    private void Check(int result, string call, string target)
    {
        if (result < 0)
            throw new KernelException(call, -result, $"{Name}/{target}");
    }
}
