package main

import (
	"context"
	"errors"
	"fmt"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	releaser "helm.sh/helm/v4/pkg/release"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
)

// act is one action under way.
type act struct {
	ctx           context.Context
	request       Request
	cluster       *cluster
	configuration *action.Configuration
	record        *record
	input         *input
	log           *voice
	replies       <-chan []byte
	answer        Answer
}

var actions = map[string]func(*act) (releaser.Releaser, error){
	"install":   (*act).install,
	"upgrade":   (*act).upgrade,
	"rollback":  (*act).rollback,
	"uninstall": (*act).uninstall,
	"test":      (*act).test,
	"template":  (*act).template,
}

// perform carries out a request; whatever goes wrong is in the answer. What the action asks the parent is answered by replies.
func perform(ctx context.Context, request Request, log *voice, replies <-chan []byte) (answer Answer) {
	defer func() {
		if cause := recover(); cause != nil {
			answer = Answer{Error: fmt.Sprintf("helm panicked: %v", cause)}
		}
	}()
	a, err := begin(ctx, request, log)
	if err != nil {
		return Answer{Error: err.Error()}
	}
	a.replies = replies
	a.hideStored()
	rel, err := actions[request.Action](a)
	if waiting := a.record.handedOver(); waiting != nil {
		return Answer{OK: true, Waiting: waiting, CRDs: a.answer.CRDs}
	}
	if rel, ok := rel.(*release.Release); ok {
		a.answer.Release = factsOf(rel)
	}
	if a.answer.OK = err == nil; err != nil {
		a.answer.Rendered = nil
		a.answer.Error = err.Error()
		if ctx.Err() != nil {
			a.answer.Error = fmt.Sprintf("%v: %v", errStopped, err)
		}
	}
	return a.answer
}

func begin(ctx context.Context, request Request, log *voice) (*act, error) {
	if err := request.check(); err != nil {
		return nil, err
	}
	if actions[request.Action] == nil {
		return nil, fmt.Errorf("there is no action %q", request.Action)
	}
	a := &act{ctx: ctx, request: request, log: log}
	var err error
	if request.Chart.Path != "" {
		if a.input, err = readInput(request); err != nil {
			return nil, err
		}
	}
	if a.cluster, err = openCluster(request); err != nil {
		return nil, err
	}
	if a.configuration, a.record, err = a.cluster.configuration(request.Release.StorageNamespace, log); err != nil {
		return nil, err
	}
	if request.Options.Wait == "parent" {
		a.configuration.KubeClient = patient{a.cluster.client, a}
	}
	return a, nil
}

// hideStored hides the values in the release's history, for an action that brings none and does not say what is secret.
func (a *act) hideStored() {
	if a.request.Secrets != nil || len(a.request.Values) > 0 {
		return
	}
	// Where the history cannot be read, the action says so.
	history, _ := a.configuration.Releases.History(a.request.Release.Name)
	var stored []string
	for _, found := range history {
		if rel, err := known(found); err == nil {
			stored = append(stored, leavesOf(rel.Config)...)
		}
	}
	a.log.mask = newMask(withoutNames(stored, a.request.Release))
}

func (a *act) install() (releaser.Releaser, error) {
	options := a.request.Options
	install := a.newInstall()
	install.WaitStrategy, install.WaitOptions = a.strategy(), a.waiting()
	install.Timeout = options.timeout()
	install.WaitForJobs = options.WaitForJobs
	install.DisableHooks = options.DisableHooks
	install.TakeOwnership = options.TakeOwnership
	install.Replace = options.Replace
	install.CreateNamespace = options.CreateNamespace
	install.ServerSideApply = options.ServerSideApply != "disabled"
	// As Flux: a release takes its fields from whoever holds them.
	install.ForceConflicts = install.ServerSideApply
	install.ForceReplace = options.Force && !install.ServerSideApply
	return a.render(func(c *charted) (releaser.Releaser, error) {
		if err := a.applyCRDs(install.ServerSideApply); err != nil {
			return nil, err
		}
		return install.RunWithContext(a.ctx, c.chart, c.values)
	})
}

func (a *act) upgrade() (releaser.Releaser, error) {
	options := a.request.Options
	serverSide, err := a.serverSide(0)
	if err != nil {
		return nil, err
	}
	upgrade := a.newUpgrade()
	upgrade.WaitStrategy, upgrade.WaitOptions = a.strategy(), a.waiting()
	upgrade.Timeout = options.timeout()
	upgrade.WaitForJobs = options.WaitForJobs
	upgrade.DisableHooks = options.DisableHooks
	upgrade.TakeOwnership = options.TakeOwnership
	upgrade.CleanupOnFail = options.CleanupOnFail
	upgrade.MaxHistory = options.MaxHistory
	upgrade.ServerSideApply = fmt.Sprint(serverSide)
	upgrade.ForceConflicts = serverSide
	upgrade.ForceReplace = options.Force && !serverSide
	return a.render(func(c *charted) (releaser.Releaser, error) {
		if err := a.applyCRDs(serverSide); err != nil {
			return nil, err
		}
		return upgrade.RunWithContext(a.ctx, a.request.Release.Name, c.chart, c.values)
	})
}

func (a *act) rollback() (releaser.Releaser, error) {
	options := a.request.Options
	last, err := a.last()
	if err != nil {
		return nil, err
	}
	rollback := action.NewRollback(a.configuration)
	if rollback.Version = options.RollbackTo; rollback.Version == 0 {
		rollback.Version = last.Version - 1
	}
	serverSide, err := a.serverSide(rollback.Version)
	if err != nil {
		return nil, err
	}
	rollback.WaitStrategy, rollback.WaitOptions = a.strategy(), a.waiting()
	rollback.Timeout = options.timeout()
	rollback.WaitForJobs = options.WaitForJobs
	rollback.DisableHooks = options.DisableHooks
	rollback.CleanupOnFail = options.CleanupOnFail
	rollback.MaxHistory = options.MaxHistory
	rollback.ServerSideApply = fmt.Sprint(serverSide)
	rollback.ForceConflicts = serverSide
	rollback.ForceReplace = options.Force && !serverSide
	failure := rollback.Run(a.request.Release.Name)
	made, err := a.last()
	if err != nil || made.Version == last.Version {
		return nil, errors.Join(failure, err)
	}
	return made, failure
}

func (a *act) uninstall() (releaser.Releaser, error) {
	options := a.request.Options
	uninstall := action.NewUninstall(a.configuration)
	uninstall.WaitStrategy, uninstall.WaitOptions = a.strategy(), a.waiting()
	uninstall.Timeout = options.timeout()
	uninstall.DisableHooks = options.DisableHooks
	uninstall.KeepHistory = options.KeepHistory
	if uninstall.DeletionPropagation = options.DeletionPropagation; uninstall.DeletionPropagation == "" {
		uninstall.DeletionPropagation = "background"
	}
	response, err := uninstall.Run(a.request.Release.Name)
	if response == nil {
		return nil, err
	}
	return response.Release, err
}

func (a *act) test() (releaser.Releaser, error) {
	test := action.NewReleaseTesting(a.configuration)
	test.Timeout = a.request.Options.timeout()
	test.WaitOptions = a.waiting()
	test.Namespace = a.request.Release.Namespace
	for _, filter := range a.request.Options.TestFilters {
		side := action.IncludeNameFilter
		if filter.Exclude {
			side = action.ExcludeNameFilter
		}
		test.Filters[side] = append(test.Filters[side], filter.Name)
	}
	rel, shutdown, err := test.Run(a.request.Release.Name)
	if shutdown != nil {
		err = errors.Join(err, shutdown())
	}
	return rel, err
}

// template renders as an install or upgrade would, under the same identity, and changes nothing.
func (a *act) template() (releaser.Releaser, error) {
	a.configuration.KubeClient = foresighted{a.configuration.KubeClient}
	seen := &lookups{RoundTripper: a.cluster.config.Transport}
	a.cluster.config.Transport = seen
	rel, err := a.render(func(c *charted) (releaser.Releaser, error) {
		if a.request.Options.IsUpgrade {
			upgrade := a.newUpgrade()
			upgrade.DryRunStrategy = action.DryRunServer
			upgrade.TakeOwnership = true
			return upgrade.RunWithContext(a.ctx, a.request.Release.Name, c.chart, c.values)
		}
		install := a.newInstall()
		install.DryRunStrategy = action.DryRunServer
		install.TakeOwnership = true
		return install.RunWithContext(a.ctx, c.chart, c.values)
	})
	a.log.mask = newMask(append(secretsOf(a.request), seen.texts...))
	if rendered, ok := rel.(*release.Release); ok && rendered != nil && err == nil {
		a.answer.Rendered = renderedOf(rendered)
		a.answer.Rendered.Secrets = seen.texts
	}
	return rel, err
}

func (a *act) last() (*release.Release, error) {
	found, err := a.configuration.Releases.Last(a.request.Release.Name)
	if err != nil {
		return nil, err
	}
	return known(found)
}

// serverSide is how the API server is to be written to; `auto` goes on as the release of that version did (0: the last one).
func (a *act) serverSide(version int) (bool, error) {
	if chosen := a.request.Options.ServerSideApply; chosen == "enabled" || chosen == "disabled" {
		return chosen == "enabled", nil
	}
	if version == 0 {
		last, err := a.last()
		if errors.Is(err, driver.ErrReleaseNotFound) {
			return false, driver.NewErrNoDeployedReleases(a.request.Release.Name)
		}
		return err == nil && last.ApplyMethod == string(release.ApplyMethodServerSideApply), err
	}
	found, err := a.configuration.Releases.Get(a.request.Release.Name, version)
	if err != nil {
		return false, err
	}
	earlier, err := known(found)
	return err == nil && earlier.ApplyMethod == string(release.ApplyMethodServerSideApply), err
}

func known(found releaser.Releaser) (*release.Release, error) {
	rel, ok := found.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("the stored release is of a kind this program does not know")
	}
	return rel, nil
}

func (a *act) strategy() kube.WaitStrategy {
	switch a.request.Options.Wait {
	case "none":
		return kube.HookOnlyStrategy
	case "legacy":
		return kube.LegacyStrategy
	}
	return kube.StatusWatcherStrategy
}

// waiting ends Helm's waits with the action.
func (a *act) waiting() []kube.WaitOption {
	return []kube.WaitOption{kube.WithWaitContext(a.ctx)}
}
