using System.Globalization;
using System.Text.Json;
using Cilium.Core;

namespace Cilium.ControlPlane.Endpoints;

/// <summary>Endpoints on disk: <c>state/ID/ep_config.json</c>, each replaced as a whole.</summary>
/// <remarks>Thread-safe. A process killed between any two instructions leaves either the old or the new file.</remarks>
public sealed class EndpointStore
{
    private const string FileName = "ep_config.json";
    private const string UnreadableSuffix = "_unreadable";
    private readonly Lock _lock = new();
    private readonly string _root;
    private readonly Action<string> _removeFolder;

    /// <summary>Makes a store below the agent's state directory.</summary>
    public EndpointStore(string stateDirectory)
        : this(stateDirectory, folder => Directory.Delete(folder, recursive: true))
    {
    }

    /// <summary>Makes a store on a disk that removes folders its own way.</summary>
    internal EndpointStore(string stateDirectory, Action<string> removeFolder)
    {
        ArgumentException.ThrowIfNullOrEmpty(stateDirectory);
        _root = Path.Combine(stateDirectory, "state");
        _removeFolder = removeFolder;
    }

    /// <summary>Writes an endpoint.</summary>
    public void Save(EndpointRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        lock (_lock)
        {
            Write(record);
        }
    }

    /// <summary>Writes an endpoint for the first time: one that is there already says more, and stays.</summary>
    internal void SaveNew(EndpointRecord record)
    {
        lock (_lock)
        {
            if (!File.Exists(PathOf(new EndpointId((ushort)record.Id))))
            {
                Write(record);
            }
        }
    }

    /// <summary>Forgets an endpoint; without effect when there is none.</summary>
    public void Remove(EndpointId id)
    {
        lock (_lock)
        {
            if (Directory.Exists(FolderOf(id)))
            {
                _removeFolder(FolderOf(id));
            }
        }
    }

    /// <summary>
    /// Reads all endpoints. What cannot be read is told with the file and the reason, and laid aside as <c>state/ID_unreadable</c> for a person to look
    /// at, in the place of what may lie there; a folder without a file is removed.
    /// </summary>
    public (IReadOnlyList<EndpointRecord> Records, IReadOnlyList<string> Problems) Load()
    {
        var records = new List<EndpointRecord>();
        var problems = new List<string>();
        lock (_lock)
        {
            if (!Directory.Exists(_root))
            {
                return (records, problems);
            }

            foreach (var folder in Directory.GetDirectories(_root))
            {
                if (!ushort.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id))
                {
                    continue;
                }

                var problem = TryRead(Path.Combine(folder, FileName), id, out var record);
                if (problem is null)
                {
                    records.Add(record!);
                    continue;
                }

                problems.Add(problem + LayAside(folder));
            }
        }

        return (records, problems);
    }

    private static string? TryRead(string path, ushort id, out EndpointRecord? record)
    {
        record = null;
        if (!File.Exists(path))
        {
            return $"{path} does not exist: the agent was stopped before the endpoint was complete";
        }

        try
        {
            record = JsonSerializer.Deserialize(File.ReadAllBytes(path), EndpointRecordJson.Default.EndpointRecord);
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            return $"{path} cannot be read: {exception.Message}";
        }

        if (record is null)
        {
            return $"{path} says nothing";
        }

        return record.ToEndpoint(out var field) is null ? $"{path}: field {field} is not valid"
            : record.Id != id ? $"{path} is of endpoint {record.Id}"
            : null;
    }

    private static string LayAside(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName)))
        {
            Directory.Delete(folder, recursive: true);
            return "";
        }

        var aside = folder + UnreadableSuffix;
        if (Directory.Exists(aside))
        {
            Directory.Delete(aside, recursive: true);
        }

        Directory.Move(folder, aside);
        return $"; it is now in {aside}";
    }

    private void Write(EndpointRecord record)
    {
        var path = PathOf(new EndpointId((ushort)record.Id));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path + ".tmp", JsonSerializer.SerializeToUtf8Bytes(record, EndpointRecordJson.Default.EndpointRecord));
        File.Move(path + ".tmp", path, overwrite: true);
    }

    private string PathOf(EndpointId id) => Path.Combine(FolderOf(id), FileName);

    private string FolderOf(EndpointId id) => Path.Combine(_root, id.ToString());
}
