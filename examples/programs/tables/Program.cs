// A table of desired files and a reconciler that makes a folder look like it, whatever fails in between.
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Microsoft.Extensions.Logging.Abstractions;

var folder = Directory.CreateTempSubdirectory("tables-").FullName;
await File.WriteAllTextAsync(Path.Combine(folder, "stray"), "nobody wants this");

var store = new StateStore();
var files = store.CreateTable<string, DesiredFile>("files", file => file.Name);
var reconciler = new Reconciler<string, DesiredFile>(files, new FolderOperations(folder), new ReconcilerOptions(), TimeProvider.System, NullLogger.Instance);

using var stop = new CancellationTokenSource();
var running = reconciler.RunAsync(stop.Token);

var revision = store.Write(tx =>
{
    tx.Upsert(files, new DesiredFile("greeting", "hello"));
    tx.Upsert(files, new DesiredFile("parting", "goodbye"));
});
await reconciler.WaitUntilReconciledAsync(revision, CancellationToken.None);

Console.WriteLine(string.Join(' ', Directory.GetFiles(folder).Select(Path.GetFileName).Order()));
await stop.CancelAsync();
await running.ContinueWith(_ => Directory.Delete(folder, recursive: true), TaskScheduler.Default);

internal sealed record DesiredFile(string Name, string Content);

internal sealed class FolderOperations(string folder) : IReconcilerOperations<string, DesiredFile>
{
    public async ValueTask ApplyAsync(ReconcileBatch<string, DesiredFile> batch, CancellationToken cancellationToken)
    {
        foreach (var change in batch.Changes)
        {
            var path = Path.Combine(folder, change.Key);
            if (change.Current is { } file)
            {
                await File.WriteAllTextAsync(path, file.Content, cancellationToken);
            }
            else
            {
                File.Delete(path);
            }
        }
    }

    public ValueTask PruneAsync(TableSnapshot<string, DesiredFile> desired, CancellationToken cancellationToken)
    {
        foreach (var path in Directory.GetFiles(folder).Where(path => !desired.TryGet(Path.GetFileName(path), out _)))
        {
            File.Delete(path);
        }

        return ValueTask.CompletedTask;
    }
}
